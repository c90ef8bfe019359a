"""Where the steps of corpus preparation run: never what they compute."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from polyseme.config import config

Positive = Annotated[int, Field(ge=1)]
Word = Annotated[str, Field(pattern=r"^\S*$")]
Option = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
TAKEN = {"array", "error", "job-name", "output", "time", "partition", "mem-per-cpu"}
"""Options of sbatch that the executor sets itself."""
NumTasks = Annotated[int, Field(ge=1, le=400)]  # each has two files open while they are merged


@config
class Preparing:
    """Values of conf/preparation/*.yaml, which stand under `runtime.preparation`."""

    executor: Literal["here", "local", "slurm", "ray"] = "here"
    """here: this process and its workers. Others: datatrove's executor of that name, which keeps
    what is finished; all of them write the same bytes."""
    num_tasks: NumTasks = 16
    """Shards of the documents; each is a task of datatrove, and is kept when it is finished."""
    num_workers: Positive | None = None
    """Tasks at a time; null: `runtime.num_workers` with local, no limit with the others."""
    memory_gib: Positive = 4
    """Of a task; Slurm and Ray."""
    hours: Positive = 24
    """Longest time of a task; Slurm and Ray."""
    partition: Word = ""
    """Slurm only, and needed there."""
    qos: Word = ""
    """Slurm only; empty: the default of the cluster."""
    sbatch: dict[Option, str | int] = Field(default_factory=dict)
    """Slurm only: further arguments of sbatch without their dashes, such as `account`."""
    poll_seconds: Annotated[float, Field(gt=0)] = 15.0
    """Slurm only: pause between two looks at what is finished."""

    def __post_init__(self) -> None:
        """Slurm needs a partition; others have none."""
        if (self.executor == "slurm") != bool(self.partition):
            raise ValueError("a partition where the executor is slurm, and only there")
        if taken := sorted(TAKEN & self.sbatch.keys()):
            raise ValueError(f"no {taken[0]} in sbatch, which is set already")


HERE = Preparing()
