"""Passes as datatrove pipelines, on one machine, a Slurm cluster or a Ray cluster.

datatrove notes each finished task; a rerun does the others. A departure from its use as it stands:
its local pool of processes waits for ever for a task whose process was killed, so processes are
ours (`ordered_map`), and each runs the executor for one task. What datatrove prints goes to its
log files alone; an error reaches the user as one line.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from datatrove.executor import (
    LocalPipelineExecutor,
    RayPipelineExecutor,
    SlurmPipelineExecutor,
)
from datatrove.executor.base import PipelineExecutor
from datatrove.pipeline.base import PipelineStep
from loguru import logger
from tqdm import tqdm

from polyseme.data.parallel import ordered_map
from polyseme.data.scale import failed, passes
from polyseme.data.scale.job import Job
from polyseme.errors import ConfigError, PolysemeError, ResourceError
from polyseme.runtime.preparing import Preparing


class Step(PipelineStep):
    """One pass as a datatrove step: its documents are in files, none are passed on."""

    type = "polyseme"

    def __init__(self, job: Job, what: str) -> None:
        super().__init__()
        self.name, self._job, self._what = what, job, what

    def run(self, data: object, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Do the task of this rank."""
        try:
            passes.run(self._job, self._what, rank)
        except PolysemeError as error:
            failed.note(self._job, self._what, rank, error)
            raise
        return iter(())


def common(job: Job, what: str) -> dict[str, Any]:
    """Arguments that all executors have."""
    return {
        "pipeline": [Step(job, what)],
        "tasks": 1 if what in passes.SINGLE else job.num_tasks,
        "logging_dir": str(job.folder / "log" / what),
    }


class OneTask(LocalPipelineExecutor):
    """Runs a task of its own in the process that asks, unless the task is finished."""

    def run(self) -> None:
        """Do it."""
        if not self.is_rank_completed(self.local_rank_offset):
            self._run_for_rank(self.local_rank_offset)


@dataclass(frozen=True)
class Local:
    """Runs tasks of a pass; picklable."""

    job: Job
    what: str

    def __call__(self, rank: int) -> None:
        """Do one task."""
        given = common(self.job, self.what)
        with _silent():
            OneTask(**given, workers=1, local_tasks=1, local_rank_offset=rank).run()


def local(job: Job, what: str, how: Preparing, bar: tqdm[None]) -> None:
    """Run a pass in processes of this machine."""
    everything = OneTask(**common(job, what))
    missing = everything.get_incomplete_ranks()
    bar.update(everything.world_size - len(missing))
    for _ in ordered_map(
        Local(job, what),
        missing,
        num_workers=min(how.num_workers or 1, len(missing)),
        setting="runtime.preparation.num_workers",
    ):
        bar.update()


ASKED, LOOKS = 5, 3
"""How often squeue is asked before it counts as gone; how often, once no job is there, the folder
is looked at for what another machine has written."""


class Tasks(SlurmPipelineExecutor):
    """The array of tasks alone: a job that waits for all to succeed would wait for ever."""

    def launch_merge_stats(self) -> None:
        """Nothing: nobody reads the statistics."""


def slurm_executor(job: Job, what: str, how: Preparing) -> SlurmPipelineExecutor:
    """The executor that submits a pass to Slurm as an array of jobs."""
    activate = Path(sys.prefix) / "bin" / "activate"
    return Tasks(
        **common(job, what),
        time=f"{how.hours}:00:00",
        partition=how.partition,
        qos=how.qos,
        mem_per_cpu_gb=how.memory_gib,
        workers=how.num_workers or -1,
        job_name=f"polyseme-{job.folder.name}-{what}",
        venv_path=str(activate) if activate.exists() else None,
        sbatch_args=dict(how.sbatch),
    )


def slurm(job: Job, what: str, how: Preparing, bar: tqdm[None]) -> None:
    """Submit a pass, unless an earlier run has and it is still there; wait for its end."""
    if "SLURM_ARRAY_TASK_ID" in os.environ:
        mend = "start it on the login node or in a job without --array"
        raise ConfigError("runs inside an array job of Slurm", where=job.name, mend=mend)
    if not shutil.which("sbatch"):
        raise ConfigError(
            "no program `sbatch`",
            where="runtime.preparation.executor = slurm",
            mend="run it where Slurm is, or choose preparation=datatrove_local",
        )
    executor = slurm_executor(job, what, how)
    name = executor.job_name
    if not _is_queued(name, how.poll_seconds):
        try:
            with _silent():
                executor.run()
        except subprocess.CalledProcessError as error:
            mend = "see what it printed, and runtime.preparation"
            raise ResourceError(f"{error.cmd[0]} failed", where=name, mend=mend) from None
    there = partial(_is_queued, name, how.poll_seconds)
    _wait(job, what, executor, is_queued=there, pause=how.poll_seconds, bar=bar)


def _is_queued(name: str, pause: float) -> bool:
    """Whether Slurm has jobs of this name, waiting or running; a busy one is asked again."""
    command = ["squeue", "--me", "--noheader", f"--name={name}"]
    for _ in range(ASKED):
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - the name is ours
        if done.returncode == 0:
            return bool(done.stdout.strip())
        time.sleep(pause)
    raise ResourceError("squeue does not answer", where=name, mend="run again when Slurm does")


def _wait(
    job: Job,
    what: str,
    executor: PipelineExecutor,
    *,
    is_queued: Callable[[], bool],
    pause: float,
    bar: tqdm[None],
) -> None:
    """Wait until every task is finished; raise when some cannot be any more."""
    looks = LOOKS
    while missing := executor.get_incomplete_ranks(skip_completed=True):
        bar.update(executor.world_size - len(missing) - bar.n)
        failed.raise_noted(job)
        if not looks:
            raise ResourceError(
                f"{len(missing)} of {executor.world_size} tasks of `{what}` did not finish",
                where=job.folder / "log" / what,
                mend="see the logs there, then run again: what is finished is kept",
            )
        looks = LOOKS if is_queued() else looks - 1
        time.sleep(pause)
    bar.update(executor.world_size - bar.n)


def ray_executor(job: Job, what: str, how: Preparing) -> RayPipelineExecutor:
    """The executor that runs a pass on a Ray cluster."""
    return RayPipelineExecutor(
        **common(job, what),
        workers=how.num_workers or -1,
        mem_per_cpu_gb=how.memory_gib,
        time=3600 * how.hours,
    )


def ray(job: Job, what: str, how: Preparing, bar: tqdm[None]) -> None:
    """Run a pass on the cluster that RAY_ADDRESS names; without it, on this machine."""
    if find_spec("ray") is None:
        where = "runtime.preparation.executor = ray"
        raise ConfigError("the package ray is missing", where=where, mend="pip install ray")
    import ray as library

    library.init(ignore_reinit_error=True, log_to_driver=False)
    with _silent():
        executor = ray_executor(job, what, how)
        executor.run()
    _wait(job, what, executor, is_queued=lambda: False, pause=0, bar=bar)


@contextmanager
def _silent() -> Iterator[None]:
    """datatrove's log goes to its files alone."""
    with Path(os.devnull).open("w") as nothing, redirect_stderr(nothing):
        logger.remove()
        try:
            yield
        finally:
            logger.remove()


EXECUTORS: dict[str, Callable[[Job, str, Preparing, tqdm[None]], None]] = {
    "local": local,
    "slurm": slurm,
    "ray": ray,
}
