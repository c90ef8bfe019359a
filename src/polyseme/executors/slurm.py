"""Jobs of submitit on a Slurm cluster: each is one task on one node, all of a run one array.

The project's folder is on a file system that all nodes see, with locks that hold between them. Jobs
outlive the command that follows them: started again, the command follows them to their end and then
goes on (docs/scale.md).
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from polyseme.config import config
from polyseme.errors import ConfigError
from polyseme.executors import base
from polyseme.executors.base import Command
from polyseme.executors.common import submitting
from polyseme.executors.common.job import Job
from polyseme.executors.common.submitting import FOLDER, JobError, Submitting
from polyseme.runtime import whole
from polyseme.runtime.settings import Runtime

if TYPE_CHECKING:
    from submitit import Job as Submitted

FILE = "conf/executor/slurm.yaml"
NAME = "polyseme"
MIB = 1024
Word = Annotated[str, Field(pattern=r"^\S+$")]
Line = Annotated[str, Field(pattern=r"^[^\n]+$")]
Option = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
OWN = (
    "array cpus-per-task error job-name mem nodes ntasks ntasks-per-node open-mode output requeue "
    "signal time"
).split()
"""Options of sbatch that submitit, or this file, depends on."""


@config
class Config(base.Options):
    """Values of conf/executor/slurm.yaml; null leaves a setting to the cluster."""

    partition: Word | None = None
    """Queue; several with commas."""
    account: Word | None = None
    """Who is charged."""
    qos: Word | None = None
    """Quality of service."""
    constraint: Word | None = None
    """Features of the nodes: `a100|h100`."""
    time_minutes: Annotated[int, Field(ge=1)] = 240
    """Limit of a job; at it the job saves and is put in line again."""
    cpus: Annotated[int, Field(ge=1)] = 2
    """Cores of a job: runtime.num_threads x runtime.num_processes, or more."""
    gpus: Annotated[int, Field(ge=0)] = 0
    """Of a job."""
    mem_gb: Annotated[float, Field(ge=0.125)] = 8
    """Memory of a job in gibibytes (2^30 bytes)."""
    array_parallelism: Annotated[int, Field(ge=1)] = 16
    """Jobs of an array that run at the same time."""
    requeues: Annotated[int, Field(ge=0)] = 3
    """How often a job may reach its limit; preemptions do not count."""
    signal_seconds: Annotated[int, Field(ge=3)] = 120
    """Between the signal to save and the end of a job's time."""
    setup: tuple[Line, ...] = ()
    """Lines of shell before the job."""
    sbatch: dict[Option, str | int | bool] = Field(default_factory=dict)
    """Further options of sbatch, without the dashes."""


def _flags(values: Mapping[str, str | int | bool]) -> dict[str, str | int | bool]:
    """A flag that is off is left out: sbatch takes no value for it."""
    return {name: value for name, value in values.items() if value is not False}


class Executor(Submitting):
    """submitit.SlurmExecutor."""

    poll_seconds = 2.0
    master = None

    def __init__(self, options: Config) -> None:
        for name in OWN:
            if name in options.sbatch:
                mend = "leave it out"
                raise ConfigError(f"executor.sbatch: {name} is taken", where=FILE, mend=mend)
        super().__init__(time_minutes=options.time_minutes, signal_seconds=options.signal_seconds)
        self.options = options

    def room(self, *, here: int, most: int) -> int:
        """All at once: the cluster has them wait."""
        return max(1, most)

    def check(self, runtime: Runtime) -> None:
        """Raise a ConfigError where a job has fewer GPUs or cores than its processes use."""
        options, is_gpu = self.options, runtime.accelerator == "gpu"
        if is_gpu and any(name == "gres" or name.startswith("gpus") for name in options.sbatch):
            return  # asked for in another way, which only the cluster can count
        processes = runtime.num_processes
        if processes == "auto":
            processes = options.gpus if is_gpu else 1  # on processors: as many as have room
        asked = [("gpus", options.gpus, max(1, processes), "runtime.num_processes")] * is_gpu
        cores = processes * runtime.num_threads
        asked.append(("cpus", options.cpus, cores, "runtime.num_threads of each process"))
        for name, has, needs, what in asked:
            if has < needs:
                raise ConfigError(
                    f"executor.{name} = {has} of a job; the runtime needs {needs} ({what})",
                    where=FILE,
                    mend=f"set executor.{name}={needs}, or change the runtime",
                )

    def parameters(self) -> dict[str, Any]:
        """Of submitit.SlurmExecutor.update_parameters; what is not set is left out."""
        options = self.options
        found = {
            "job_name": NAME,
            "partition": options.partition,
            "account": options.account,
            "qos": options.qos,
            "constraint": options.constraint,
            "time": options.time_minutes,
            "nodes": 1,
            "ntasks_per_node": 1,
            "cpus_per_task": options.cpus,
            "gpus_per_node": options.gpus or None,
            "mem": f"{round(options.mem_gb * MIB)}MB",
            "array_parallelism": options.array_parallelism,
            "signal_delay_s": options.signal_seconds,
            "setup": list(options.setup) or None,
            "additional_parameters": {"requeue": True, **_flags(options.sbatch)},
        }
        return {key: value for key, value in found.items() if value is not None}

    def executor(self) -> Any:
        """Submitit's.

        Raises:
            ConfigError: there is no Slurm on this machine.
        """
        for tool in ("sbatch", "srun"):
            if shutil.which(tool) is None:
                raise ConfigError(
                    f"{tool} is not found",
                    where=FILE,
                    mend="run it where Slurm is, or with executor=here; --dry-run runs anywhere",
                )
        return self._made()

    def _made(self) -> Any:
        class Anywhere(submitting.load().SlurmExecutor):  # type: ignore[misc]
            """Writes scripts also where there is no srun."""

            @classmethod
            def affinity(cls) -> int:
                return 1

        made = Anywhere(FOLDER, max_num_timeout=self.options.requeues)
        made.update_parameters(**self.parameters())
        return made

    def text(self, commands: Sequence[Command]) -> str:
        """The script that sbatch is given, after a comment for each task of its array."""
        made = self._made()
        if len(commands) > 1:
            made.parameters["map_count"] = len(commands)
        script: str = made._make_submission_file_text(made._submitit_command_str, "")
        told = "".join(f"# task {number}: {each}\n" for number, each in enumerate(commands))
        return told + script

    def submit(self, jobs: Sequence[Job]) -> list[Submitted[int]]:
        """Submit jobs.

        Raises:
            ConfigError: sbatch refuses them.
        """
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        try:
            return super().submit(jobs)
        except (FailedJobError, FailedSubmissionError) as error:
            lines = str(error).strip().splitlines() or ["sbatch failed"]
            raise ConfigError(lines[-1], where="sbatch", mend=f"see {FILE}") from None

    def run(self, commands: Sequence[Command], *, key: str, here: Any) -> int:
        """Submit all as one array and wait for them, first for those of a killed command."""
        note = FOLDER / f"{key}.json"
        self._await_earlier(note, key)
        return super().run(commands, key=key, here=here)

    def follow(self, jobs: Sequence[Submitted[int]], titles: Sequence[str], key: str) -> None:
        """Keep a note of the jobs while they run."""
        note = FOLDER / f"{key}.json"
        note.parent.mkdir(parents=True, exist_ok=True)
        whole.write_text(note, json.dumps(dict(zip([j.job_id for j in jobs], titles, strict=True))))
        try:
            super().follow(jobs, titles, key)
        finally:
            note.unlink(missing_ok=True)

    def _await_earlier(self, note: Path, key: str) -> None:
        """Wait for the jobs of a command that was killed while it followed them."""
        if not note.exists():
            return
        self.executor()
        made = submitting.load().SlurmJob
        titles: dict[str, str] = json.loads(note.read_text())
        print(
            "following the jobs of an earlier command first; ctrl-c cancels them", file=sys.stderr
        )
        jobs = [made(folder=FOLDER, job_id=job_id) for job_id in titles]
        try:
            self.follow(jobs, list(titles.values()), key)
        except JobError as error:
            print(f"warning: {error}", file=sys.stderr)
