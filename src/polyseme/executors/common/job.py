"""A command line as a job of submitit: what runs on the other side.

The job starts the command and waits. At the signal of the scheduler submitit calls `checkpoint`,
which has the command's stages save and end, and hands the same command back: it is put in line
again and continues. Its children ignore what the scheduler sends them, since Slurm may signal all
processes of a job, and `dvc`, which knows nothing of it, would end and take its stage with it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from polyseme.executors.base import Command
from polyseme.runtime import preempt

if TYPE_CHECKING:
    from submitit.helpers import DelayedSubmission

POLL_SECONDS = 0.2
MIRROR_SECONDS = 180.0
"""How long a mirror of the tracking may stay after its stage."""
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
TERMINATED = 128 + signal.SIGTERM
CONFIG = "SLURM_CONF"
"""Where its tools find the cluster; stages may submit as well."""
OURS = ("SLURM_", "SLURMD_", "SRUN_", "SBATCH_", "SUBMITIT_")
"""Begin variables of the scheduler, from which Lightning would take that it shall use them."""


class Job:
    """Runs a command; called by submitit.

    Args:
        folder: of the project.
        patience: seconds that the command has to save and end.
        master: process that the job ends with; None where it outlives who submitted it.
    """

    def __init__(
        self, command: Command, *, folder: Path, patience: float, master: int | None = None
    ) -> None:
        self.command, self.folder, self.patience = command, folder, patience
        self.master = (master, psutil.Process(master).create_time()) if master else None
        self.process = 0
        self.is_terminated = False

    def __call__(self) -> int:
        """Run it.

        Returns:
            Exit code of the command.
        """
        print(f"running: {self.command}", flush=True)
        _prctl(PR_SET_CHILD_SUBREAPER, 1)
        child = subprocess.Popen(  # noqa: S603
            self.command.words,
            cwd=self.folder,
            env=environment(self.command.environment),
            preexec_fn=_begin,  # noqa: PLW1509 - no threads here
        )
        self.process = child.pid
        signal.signal(signal.SIGTERM, self._save)
        while child.poll() is None:
            if self.master and not _is_there(*self.master):
                os.kill(os.getpid(), signal.SIGKILL)  # and with it the child
            if self.is_terminated:  # a stage may have begun since
                preempt.pass_on(self.process)
            time.sleep(POLL_SECONDS)
        if self.is_terminated:
            self._await_end()
        _await_mirrors()
        return child.returncode

    def checkpoint(self) -> DelayedSubmission:
        """Have the command save and end; what is to be run when the job is back."""
        from submitit.helpers import DelayedSubmission

        preempt.stop(self.process, self.patience)
        return DelayedSubmission(self.again())

    def again(self) -> Job:
        """The same job, not yet started."""
        made = Job(self.command, folder=self.folder, patience=self.patience)
        made.master = self.master
        return made

    def _save(self, *_: Any) -> None:
        """SIGTERM: Slurm is about to take the machine, or the user has cancelled the job."""
        self.is_terminated = True
        preempt.pass_on(self.process)

    def _await_end(self) -> None:
        """A job that ended by itself now would count as done, and not be put in line again."""
        while self.master is None:
            signal.pause()
        os._exit(TERMINATED)


def environment(more: Mapping[str, str]) -> dict[str, str]:
    """Of the command: that of the job without what is the scheduler's, with this Python first."""
    kept = {k: v for k, v in os.environ.items() if k == CONFIG or not k.startswith(OURS)}
    tools = Path(sys.executable).parent
    return {**kept, "PATH": f"{tools}{os.pathsep}{kept.get('PATH', os.defpath)}", **more}


def _begin() -> None:
    """In the child: leave the scheduler's signals to the stages, and end with the job."""
    signal.signal(preempt.SIGNAL, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    if os.uname().sysname == "Linux":
        ctypes.CDLL(None).prctl(option, value)


def _await_mirrors() -> None:
    """Wait for what stages have left behind, which Slurm would kill with the job.

    This process is made the parent of orphans when it begins.
    """
    deadline = time.monotonic() + MIRROR_SECONDS
    with suppress(ChildProcessError):
        while time.monotonic() < deadline:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(POLL_SECONDS)


def _is_there(process: int, created: float) -> bool:
    try:
        found = psutil.Process(process)
        is_same = abs(found.create_time() - created) < 1.0
        return is_same and found.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
