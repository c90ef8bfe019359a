"""`make repro`: several `dvc repro` side by side, each for some of the models.

DVC runs one stage at a time, and small networks do not keep two cores busy: two processes with one
thread each train half as much again as one with two threads, and imports and DVC's own work
overlap. So corpora come first, then tasks, then each process takes every N-th model through
training and evaluation, and a last plain `dvc repro` does what is left and the report. DVC's locks
keep them apart; artifacts are the same bytes as those of one `dvc repro`. Where the processes run,
as children of this one or as jobs, says the executor of the params.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from polyseme.errors import ConfigError, PolysemeError
from polyseme.executors import base as executors
from polyseme.executors.base import Command, Executor
from polyseme.runtime import settings
from polyseme.runtime.console import Console

PREPARE = {"dataset": "fetch", "corpus": "corpus"}
MAKE = {"statics": "static", "lms": "pretrain", "externals": "external"}
EVALUATE = ("invariance", "finetune", "probe", "intrinsic")
STACK = "stack"
KEY = "repro"
DVC = (sys.executable, "-m", "dvc", "--wait-for-lock", "repro")
REST = Command(DVC, "the rest and the report")
MOST_JOBS = 8
"""By default: a stage takes up to 1.5 GB of memory."""
PR_SET_PDEATHSIG = 1


class ReproError(PolysemeError):
    """A stage failed; its own line says why."""


def repro(jobs: int | None, file: Path = Path("params.yaml"), *, only_tell: bool = False) -> int:
    """Bring the experiment of params.yaml up to date.

    Args:
        jobs: stages at a time; None for what the executor has room for.
        only_tell: print what would be started, all scripts of jobs as they are, and start nothing.

    Returns:
        Exit code of the last `dvc repro`.

    Raises:
        ConfigError: there is no params.yaml.
        ReproError: a stage failed.
    """
    if not file.is_file():
        raise ConfigError("is missing", where=file, mend="run `make params`")
    params: Any = OmegaConf.to_container(OmegaConf.load(file), resolve=True)
    runtime = settings.read(params["runtime"])
    executor = executors.make(params.get("executor", executors.HERE), runtime)
    here = room_for(runtime, settings.cores())
    jobs = jobs or executor.room(here=here, most=len(of_models(params)))
    if only_tell:
        return tell(params, executor, jobs)
    status = [*DVC[:-1], "status", "--quiet"]
    is_due = jobs > 1 or executor.submits
    if not is_due or not subprocess.run(status, check=False).returncode:  # noqa: S603
        return _rest()
    for parts in phases(params, jobs):
        executor.run(commands(parts), key=KEY, here=partial(together, parts))
    return executor.run([REST], key=KEY, here=_rest)


def phases(params: dict[str, Any], jobs: int) -> list[list[list[str]]]:
    """Stages for the processes of each phase; nothing where there is one process."""
    if jobs == 1:
        return []
    first = [f"{stage}@{name}" for key, stage in PREPARE.items() for name in params[key]]
    tasks = [[f"task@{name}"] for name in params["task"]]
    stacks = [[f"{STACK}@{c}-{m}"] for c in params["corpora"] for m in params["stacked"]]
    found = [dealt([first], 1)] + [dealt(g, jobs) for g in (tasks, of_models(params), stacks)]
    return [parts for parts in found if parts]


def commands(parts: Iterable[Sequence[str]]) -> list[Command]:
    """A `dvc repro` for each list of stages."""
    return [Command((*DVC, "--single-item", *names), _title(names)) for names in parts]


def _title(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def tell(params: dict[str, Any], executor: Executor, jobs: int) -> int:
    """Print what would be started, one phase after the other."""
    found = [*map(commands, phases(params, jobs)), [REST]]
    for number, phase in enumerate(found, 1):
        print(f"# phase {number} of {len(found)}, after the one before; jobs: {len(phase)}")
        print(executor.text(phase))
    return 0


def _rest() -> int:
    """What is left, here; exit code."""
    # no threads here
    last = subprocess.run(DVC, check=False, preexec_fn=_die_with_parent)  # noqa: S603
    return last.returncode


def room_for(runtime: settings.Runtime, cores: int) -> int:
    """Stages at a time: a core for each thread of each process; stages do not share a gpu."""
    if runtime.accelerator == "gpu":
        return 1
    return max(
        1, min(MOST_JOBS, cores // (runtime.num_threads * settings.local_processes(runtime)))
    )


def of_models(params: dict[str, Any]) -> list[list[str]]:
    """Stages of each model, in order."""
    return [
        [f"{stage}@{corpus}-{model}" for stage in (made, *EVALUATE)]
        for corpus in params["corpora"]
        for group, made in MAKE.items()
        for model in params[group]
    ]


def dealt(groups: Sequence[Sequence[str]], jobs: int) -> list[list[str]]:
    """Stages for at most `jobs` processes; a group stays together."""
    parts = [[name for group in groups[start::jobs] for name in group] for start in range(jobs)]
    return [names for names in parts if names]


def together(parts: Iterable[Sequence[str]]) -> int:
    """Run `dvc repro` for each list of stages at the same time.

    Returns:
        0.

    Raises:
        ReproError: one of them failed; the others are stopped, and continue in the next run.
    """
    running = [
        subprocess.Popen(  # noqa: S603
            [*DVC, "--single-item", *names],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - no threads here
        )
        for names in parts
    ]
    try:
        Console(running).show()
    finally:
        for process in running:
            if process.poll() is None:
                process.terminate()  # dvc ignores ctrl-c while a stage runs; the stage ends with it
    codes = [process.wait() for process in running]
    if any(codes):
        raise ReproError("a stage failed", where="dvc repro", mend="its line above says why")
    return 0


def _die_with_parent() -> None:
    """In the child: end when this process ends, even by kill -9; stages end with dvc."""
    if os.uname().sysname == "Linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
