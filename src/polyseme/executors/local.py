"""Jobs of submitit on this machine: what `slurm` does, without a cluster.

The jobs end with the command that submitted them, and with `kill -9` of it.
"""

from __future__ import annotations

import os
import tempfile
from typing import Annotated, Any

from pydantic import Field

from polyseme.config import config
from polyseme.executors import base
from polyseme.executors.common import submitting
from polyseme.executors.common.submitting import FOLDER, Submitting


@config
class Config(base.Options):
    """Values of conf/executor/local.yaml."""

    time_minutes: Annotated[int, Field(ge=1)] = 10_080
    """A job that takes longer is asked to save, and goes on as a new one."""
    requeues: Annotated[int, Field(ge=0, le=5)] = 3
    """How often that may happen to a job; submitit starts no job more than six times."""
    signal_seconds: Annotated[int, Field(ge=3)] = 30
    """Between the signal and the end of the time."""
    gpus: Annotated[int, Field(ge=0)] = 0
    """Of this machine that each job sees."""


class Executor(Submitting):
    """submitit.LocalExecutor."""

    def __init__(self, options: Config) -> None:
        super().__init__(time_minutes=options.time_minutes, signal_seconds=options.signal_seconds)
        self.options = options

    @property
    def master(self) -> int:
        """This process."""
        return os.getpid()

    def room(self, *, here: int, most: int) -> int:
        """What this machine has room for."""
        return here

    def executor(self) -> Any:
        """With a folder of its own: jobs are named by their processes, whose numbers return."""
        submitit = submitting.load()
        FOLDER.mkdir(parents=True, exist_ok=True)
        folder = tempfile.mkdtemp(prefix="local-", dir=FOLDER)
        made = submitit.LocalExecutor(folder, max_num_timeout=self.options.requeues)
        made.update_parameters(
            timeout_min=self.options.time_minutes,
            signal_delay_s=self.signal_seconds,
            gpus_per_node=self.options.gpus,
        )
        return made
