"""Data parallelism over processes of one machine (gloo): all share each batch, row by row.

Every process makes the whole batch of a step, which costs little, and trains on its own rows of it.
Objectives and their weights are summed before the backward pass and gradients after it, so that
the gradient is that of the batch's mean, not of a mean of means: losses are those of one process up
to rounding. (Not with dropout, which is drawn anew in each process.) All processes then take the
same optimizer step. The first one validates, notes and saves.

Shapes: N processes.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from polyseme.errors import PolysemeError, ResourceError
from polyseme.runtime import guard

T = TypeVar("T")

GOODBYE_SECONDS = 30.0


class Group(ABC):
    """The processes that share each batch.

    Attributes:
        rank: of this process, 0 first.
    """

    rank: int

    @abstractmethod
    def share(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """This process's rows of a batch; scalars stay."""

    @abstractmethod
    def sum(self, values: Sequence[Tensor]) -> Sequence[Tensor]:
        """Scalars, summed over processes."""

    @abstractmethod
    def sum_gradients(self, module: nn.Module) -> None:
        """Give every process the sum of all gradients."""


class Alone(Group):
    """One process."""

    rank = 0

    def share(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """All rows."""
        return batch

    def sum(self, values: Sequence[Tensor]) -> Sequence[Tensor]:
        """The values."""
        return values

    def sum_gradients(self, module: nn.Module) -> None:
        """Nothing to do."""


class Processes(Group):
    """N processes."""

    def __init__(self, rank: int, num_processes: int) -> None:
        self.rank, self.num_processes = rank, num_processes

    def share(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Every N-th row, so that rows of several kinds are spread evenly."""
        return {
            name: tensor[self.rank :: self.num_processes] if tensor.ndim else tensor
            for name, tensor in batch.items()
        }

    def sum(self, values: Sequence[Tensor]) -> Sequence[Tensor]:
        """One exchange for all."""
        joined_N = torch.stack([value.double() for value in values])
        dist.all_reduce(joined_N)
        return [total.to(value.dtype) for total, value in zip(joined_N, values, strict=True)]

    def sum_gradients(self, module: nn.Module) -> None:
        """One exchange for all; what no process has a gradient of keeps none."""
        weights = list(module.parameters())
        parts = [torch.zeros_like(w) if w.grad is None else w.grad for w in weights]
        there = torch.tensor([float(w.grad is not None) for w in weights])
        joined = torch.cat([*(part.flatten() for part in parts), there])
        dist.all_reduce(joined)
        totals = joined[: -len(weights)].split([w.numel() for w in weights])
        for weight, total, found in zip(weights, totals, joined[-len(weights) :], strict=True):
            weight.grad = total.view_as(weight) if found else None


class Seat(NamedTuple):
    """The place of one process; all meet through a file."""

    rank: int
    num_processes: int
    meeting: Path

    def take(self) -> Processes:
        """Meet the others."""
        if Path("/sys/class/net/lo").exists():
            os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # no name service, nothing outside
        address = f"file://{self.meeting}"
        dist.init_process_group(
            "gloo", init_method=address, rank=self.rank, world_size=self.num_processes
        )
        return Processes(self.rank, self.num_processes)


@contextmanager
def together(num_processes: int, follow: Callable[[Group, T], None], job: T) -> Iterator[Group]:
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
        meeting = Path(folder) / "meeting"
        others = [
            _start(Seat(rank, num_processes, meeting), follow, job)
            for rank in range(1, num_processes)
        ]
        try:
            for other in others:
                other.await_readiness()
            yield Seat(0, num_processes, meeting).take()
        except RuntimeError as error:  # gloo's, when a connection is closed
            raise _cause(error, others) from error
        finally:
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


def _part(others: Sequence[_Other]) -> None:
    if dist.is_initialized():
        dist.destroy_process_group()
    for other in others:
        other.process.join(GOODBYE_SECONDS)
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
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


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
