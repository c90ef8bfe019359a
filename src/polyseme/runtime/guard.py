"""What keeps two runs of one stage apart, and a run from outliving the one who asked for it.

`kill -9` of `dvc repro` leaves the stage's process alive behind a shell. A rerun would race with
it for the same files. So a stage watches its ancestors up to dvc and dies with them, and holds a
lock that the operating system drops when the process ends, however it ends.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from polyseme.errors import BusyError

PR_SET_PDEATHSIG = 1
POLL_SECONDS = 0.25
LOCK_PATIENCE_SECONDS = 10.0


def die_with_ancestors(tick: Callable[[], object] = lambda: None) -> None:
    """End this process when its parent, or any ancestor up to dvc, ends.

    Args:
        tick: called about four times a second in the watching thread.
    """
    if os.uname().sysname == "Linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    ancestors = _up_to_dvc()
    threading.Thread(target=_watch, args=(ancestors, tick), daemon=True, name="guard").start()


def refuse_orphan() -> None:
    """End at once if dvc started this process and has gone before the guard stood."""
    if "DVC_ROOT" in os.environ and not any(map(_is_dvc, psutil.Process().parents())):
        raise BusyError("dvc, which started this, has gone", where=os.environ.get("DVC_STAGE", ""))


def _is_dvc(process: psutil.Process) -> bool:
    try:
        return any(Path(word).name.split(".")[0] == "dvc" for word in process.cmdline()[:3])
    except psutil.Error:
        return False


def _up_to_dvc() -> list[psutil.Process]:
    """Parent, grandparent, ... up to the nearest dvc; only the parent where there is no dvc."""
    parents = psutil.Process().parents()
    for position, process in enumerate(parents):
        if _is_dvc(process):
            return parents[: position + 1]
    return parents[:1]


def _watch(ancestors: list[psutil.Process], tick: Callable[[], object]) -> None:
    while all(_alive(process) for process in ancestors):
        tick()
        time.sleep(POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextmanager
def lock(path: Path, *, patience: float = LOCK_PATIENCE_SECONDS) -> Iterator[None]:
    """Hold an exclusive lock on `path` while the body runs.

    A dying predecessor is given `patience` seconds to go.

    Raises:
        BusyError: another process still holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as stream:
        _acquire(stream.fileno(), path, patience)
        stream.truncate(0)
        stream.write(str(os.getpid()))
        stream.flush()
        yield


def _acquire(descriptor: int, path: Path, patience: float) -> None:
    deadline = time.monotonic() + patience
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)
                continue
            holder = path.read_text() or "unknown"
            raise BusyError(
                f"is already running as process {holder}",
                where=path.stem,
                mend="wait for it or stop it",
            ) from None
