"""The other processes of a training on this machine, where no launcher started them.

The first process starts them anew (spawn), meets them through a file, and passes on what ended one
of them. They die with it. Where one has died and the first one hears nothing of it, because NCCL
waits without end, the first one ends too.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, TypeVar

from polyseme.errors import PolysemeError, ResourceError
from polyseme.runtime import guard
from polyseme.runtime.world import World
from polyseme.training.processes import Alone, Group, Processes, is_lost, meet, part

T = TypeVar("T")

GOODBYE_SECONDS = 30.0
PATIENCE_SECONDS = 5.0
"""How long the first one may take to hear that another has died."""


class Seat(NamedTuple):
    """The place of one process; all meet through a file."""

    world: World
    accelerator: str
    meeting: Path

    def take(self) -> Processes:
        """Meet the others."""
        return meet(self.world, self.accelerator, f"file://{self.meeting}")


@contextmanager
def together(
    num_processes: int, follow: Callable[[Group, T], None], job: T, accelerator: str = "cpu"
) -> Iterator[Group]:
    """Be the first of N processes while the body runs.

    Args:
        follow: what the others do, called with their Group and `job`; all picklable.

    Raises:
        ResourceError: another process was killed.
        PolysemeError: as another process raised it.
    """
    if num_processes == 1:
        yield Alone()
        return
    with TemporaryDirectory() as folder:
        seats = [
            Seat(World(n, num_processes, n, num_processes), accelerator, Path(folder) / "meeting")
            for n in range(num_processes)
        ]
        others = [_start(seat, follow, job) for seat in seats[1:]]
        left = threading.Event()
        try:
            for other in others:
                other.await_readiness()
            threading.Thread(target=_watch, args=(others, left), daemon=True).start()
            yield seats[0].take()
        except RuntimeError as error:  # that of gloo or NCCL, when a connection is closed
            raise _cause(error, others) from error
        finally:
            left.set()
            _part(others)


class _Other(NamedTuple):
    """Another process, and the line to it: `ready`, then the error that ended it, if one did."""

    process: SpawnProcess
    line: Connection

    def await_readiness(self) -> None:
        """Wait until it is about to meet the others, or has ended."""
        try:
            self.line.recv()
        except EOFError:
            raise _killed() from None


def _start(seat: Seat, follow: Callable[[Group, T], None], job: T) -> _Other:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    # plain pickle: multiprocessing would let both train the same tensors, in shared memory
    work = pickle.dumps((follow, job))
    process = context.Process(target=_follow, args=(theirs, seat, work), daemon=True)
    process.start()
    theirs.close()
    return _Other(process, ours)


def _watch(others: Sequence[_Other], left: threading.Event) -> None:
    """End this process where another was killed and it has not heard of it."""
    while not left.wait(guard.POLL_SECONDS):
        if any((other.process.exitcode or 0) < 0 for other in others):
            if not left.wait(PATIENCE_SECONDS):
                error = _killed()
                print(f"error: {error}", file=sys.stderr, flush=True)
                os._exit(error.exit_code)
            return


def _part(others: Sequence[_Other]) -> None:
    part()
    deadline = time.monotonic() + GOODBYE_SECONDS
    for other in others:
        other.process.join(max(0.0, deadline - time.monotonic()))
        other.process.kill()


def _follow(line: Connection, seat: Seat, work: bytes) -> None:
    """Life of another process: it dies with the first one, and leaves ctrl-c to it."""
    guard.die_with_ancestors()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    follow, job = pickle.loads(work)  # noqa: S301 - from the process that started this one
    line.send("ready")
    try:
        follow(seat.take(), job)
    except PolysemeError as error:
        line.send(error)
    except RuntimeError as error:
        if not is_lost(error):  # else the first one has gone, or tells who has
            raise
    finally:
        part()


def _cause(error: Exception, others: Sequence[_Other]) -> Exception:
    """Why the others have gone, if they have."""
    for process, line in others:
        process.join(1.0)
        with suppress(EOFError):
            if line.poll():
                told: Exception = line.recv()
                return told
        if process.exitcode is not None and process.exitcode < 0:
            return _killed()
    return error


def _killed() -> ResourceError:
    return ResourceError(
        "a process of the training was killed",
        where="pre-training",
        mend="lower runtime.num_processes, or make more memory free",
    )
