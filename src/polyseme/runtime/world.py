"""The processes that share a training, and how a launcher tells this one its place among them.

torchrun sets RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE, MASTER_ADDR and MASTER_PORT; so do
the operators of Kubernetes. srun sets SLURM_PROCID and others for each task of a step. A batch
script of Slurm that calls python without srun is one process, whatever SLURM_NTASKS says: only a
step has SLURM_STEP_NUM_TASKS. Quick to import: no torch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from polyseme.errors import ConfigError

TORCHRUN, SLURM = "torchrun", "srun"
TORCH_NAMES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
SLURM_NAMES = ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID")
TASKS = "SLURM_STEP_TASKS_PER_NODE"


class World(NamedTuple):
    """The place of one process.

    Attributes:
        rank: over all machines, 0 first.
        size: processes on all machines.
        local_rank: on this machine, 0 first.
        local_size: processes on this machine.
        launcher: what started them; blank where polyseme did.
    """

    rank: int
    size: int
    local_rank: int
    local_size: int
    launcher: str = ""

    @property
    def node(self) -> int:
        """Number of this machine, where all have the same number of processes."""
        return self.rank // self.local_size

    @property
    def num_nodes(self) -> int:
        """Machines."""
        return -(-self.size // self.local_size)

    def __str__(self) -> str:
        return f"process {self.rank} of {self.size}"


ALONE = World(0, 1, 0, 1)


def launched(environment: Mapping[str, str]) -> World | None:
    """The place that torchrun or srun gives this process; None where neither started it.

    A step of Slurm with one task is no world: its task may start processes of its own. Nor is one
    whose tasks started dvc, or a sweep, which then started this process.

    Raises:
        ConfigError: variables are missing, no numbers, or contradict each other.
    """
    if "RANK" in environment or "WORLD_SIZE" in environment:
        _require(environment, (*TORCH_NAMES, "MASTER_ADDR", "MASTER_PORT"), TORCHRUN)
        return _place([_number(environment, name) for name in TORCH_NAMES], TORCHRUN)
    several = environment.get("SLURM_STEP_NUM_TASKS", "1") != "1"
    if several and "DVC_STAGE" not in environment:
        _require(environment, (*SLURM_NAMES, TASKS, "SLURM_STEP_NODELIST"), SLURM)
        numbers = [_number(environment, name) for name in SLURM_NAMES]
        return _place([*numbers, _tasks_of_each_machine(environment[TASKS])], SLURM)
    return None


def _place(numbers: list[int], launcher: str) -> World:
    rank, size, local_rank, local_size = numbers
    if not (local_rank <= rank < size and local_rank < local_size <= size):
        raise ConfigError(
            f"{launcher} says {rank} of {size}, and {local_rank} of {local_size} on this machine",
            where="environment",
            mend=_mend(launcher),
        )
    return World(rank, size, local_rank, local_size, launcher)


def _tasks_of_each_machine(tasks: str) -> int:
    """`4(x2)`: two machines with four tasks each."""
    same = re.fullmatch(r"(\d+)(\(x\d+\))?", tasks)
    if same is None:
        mend = "give each machine as many: srun --ntasks-per-node"
        raise ConfigError(f"{tasks} tasks", where=TASKS, mend=mend)
    return int(same[1])


def _require(environment: Mapping[str, str], names: tuple[str, ...], launcher: str) -> None:
    if missing := [name for name in names if name not in environment]:
        raise ConfigError(
            f"{', '.join(missing)} not set beside those of {launcher}",
            where="environment",
            mend=_mend(launcher),
        )


def _number(environment: Mapping[str, str], name: str) -> int:
    value = environment[name]
    if not value.isdecimal():
        raise ConfigError(
            f"{value!r} is no number", where=name, mend="unset it, or start by torchrun or srun"
        )
    return int(value)


def _mend(launcher: str) -> str:
    return f"start every process by {launcher}, or unset what is left of it"
