"""Submit commands through submitit, follow the jobs, tell what came out.

A job's output is in its logs; here stands one line for each job that ends. All jobs are waited for,
also where one has failed: on a cluster the others have waited in line for their turn.
"""

from __future__ import annotations

import sys
import time
from abc import abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from polyseme import paths
from polyseme.errors import ConfigError, PolysemeError
from polyseme.executors import base
from polyseme.executors.base import Command
from polyseme.executors.common.job import Job

if TYPE_CHECKING:
    from submitit import Job as Submitted

FOLDER = paths.SCRATCH / "jobs"
PATIENCE = 2 / 3
"""Share of the seconds between signal and end that a command has to save and end."""
MOST_CODE, MINUTE = 127, 60


class JobError(PolysemeError):
    """Jobs failed; carries the exit code of the first."""

    def __init__(self, what: str, *, where: object = "", mend: str = "", code: int = 1) -> None:
        super().__init__(what, where=where, mend=mend)
        self.exit_code = code if 0 < code <= MOST_CODE else 1


class Submitting(base.Executor):
    """An executor of submitit.

    Attributes:
        poll_seconds: between two looks at the jobs.
    """

    submits = True
    poll_seconds = 1.0

    def __init__(self, *, time_minutes: int, signal_seconds: int) -> None:
        if signal_seconds >= MINUTE * time_minutes:
            raise ConfigError(
                f"executor.signal_seconds = {signal_seconds} is all of time_minutes",
                where=base.FILE,
                mend=f"allowed: less than {MINUTE * time_minutes}",
            )
        self.signal_seconds = signal_seconds

    @abstractmethod
    def executor(self) -> Any:
        """Submitit's executor, which writes into FOLDER.

        Raises:
            ConfigError: submitit, or what it needs, is not there.
        """

    @property
    @abstractmethod
    def master(self) -> int | None:
        """Process that the jobs end with."""

    def run(self, commands: Sequence[Command], *, key: str, here: Callable[[], int]) -> int:
        """Submit all as one array, and wait for them.

        Raises:
            JobError: one of them failed.
        """
        patience = self.signal_seconds * PATIENCE
        jobs = [
            Job(command, folder=Path.cwd(), patience=patience, master=self.master)
            for command in commands
        ]
        submitted = self.submit(jobs)
        titles = [command.title for command in commands]
        self.follow(submitted, titles, key)
        return 0

    def submit(self, jobs: Sequence[Job]) -> list[Submitted[int]]:
        """Submit jobs."""
        found: list[Submitted[int]] = self.executor().submit_array(list(jobs))
        return found

    def follow(self, jobs: Sequence[Submitted[int]], titles: Sequence[str], key: str) -> None:
        """Wait for jobs; cancel them when the user interrupts."""
        _say(f"submitted {_ids(jobs)}; logs are in {FOLDER}/")
        try:
            fails = self._followed(dict(zip(jobs, titles, strict=True)))
        except KeyboardInterrupt:
            for job in jobs:
                job.cancel(check=False)
            raise
        if fails:
            raise fails[0]

    def _followed(self, titles: dict[Submitted[int], str]) -> list[JobError]:
        running, fails = list(titles), []
        while running:
            for job in [job for job in running if job.done()]:
                running.remove(job)
                error = failure(job, titles[job])
                _say(f"job {job.job_id}: {titles[job]}: {error.what if error else 'done'}")
                fails += [error] if error else []
            if running:
                time.sleep(self.poll_seconds)
        return fails


def load() -> ModuleType:
    """Submitit, which is optional.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import submitit
    except ImportError:
        mend = "pip install 'polyseme[slurm]', or executor=here"
        raise ConfigError("submitit is not installed", where=base.FILE, mend=mend) from None
    return submitit


def failure(job: Submitted[int], title: str) -> JobError | None:
    """Why a job that has ended failed; None where it did not."""
    from submitit.core.utils import UncompletedJobError

    where = f"job {job.job_id} ({title})"
    mend = f"its log is {job.paths.stderr}"
    try:
        code = job.result()
    except UncompletedJobError as error:
        said = "timed-out too many times" in str(error)
        what = "reached its time limit too often" if said else f"ended as {job.state}"
        return JobError(what, where=where, mend=mend)
    if not code:
        return None
    line = _last_error(job.paths.stdout, job.paths.stderr) or f"exit code {code}"
    return JobError(line, where=where, mend=mend, code=code)


def _last_error(*logs: Path) -> str:
    """The line of the stage that failed, or that of dvc."""
    text = "\n".join(log.read_text(errors="replace") for log in logs if log.exists())
    for mark in ("error: ", "ERROR: "):
        lines = [line for line in text.splitlines() if line.startswith(mark)]
        if lines:
            return lines[-1].removeprefix(mark)
    return ""


def _ids(jobs: Sequence[Submitted[int]]) -> str:
    ids = [job.job_id for job in jobs]
    return f"job {ids[0]}" if len(ids) == 1 else f"{len(ids)} jobs, {ids[0]} to {ids[-1]}"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
