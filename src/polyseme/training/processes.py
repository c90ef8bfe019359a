"""Data parallelism over processes, of one machine or several: all share each batch, row by row.

Every process makes the whole batch of a step, which costs little, and trains on its own rows of it.
Objectives and their weights are summed here before the backward pass; the strategy of Lightning
(strategies.py) exchanges gradients in it. So the gradient is that of the batch's mean, not of a
mean of means: losses are those of one process up to rounding. (Not with dropout, which is drawn
anew in each process.) All processes then take the same optimizer step and validate alike. The
first one notes and saves.

Processes talk by gloo on cpus and by NCCL on GPUs, one process a GPU.

Shapes: N processes.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from polyseme.errors import ConfigError, ResourceError
from polyseme.runtime.world import ALONE, SLURM, World

T = TypeVar("T")

BACKENDS = {"cpu": "gloo", "gpu": "nccl"}


class Group(ABC):
    """The processes that share each batch.

    Attributes:
        world: the place of this one.
    """

    world: World

    @property
    def is_first(self) -> bool:
        """Whether this process notes and saves."""
        return self.world.rank == 0

    @abstractmethod
    def share(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """This process's rows of a batch; scalars stay."""

    @abstractmethod
    def sum(self, values: Sequence[Tensor]) -> Sequence[Tensor]:
        """Scalars, summed over processes."""

    @abstractmethod
    def sum_buffers(self, buffers: Sequence[Tensor]) -> None:
        """Give every process the sum of each buffer."""

    @abstractmethod
    def from_first(self, value: T) -> T:
        """What the first process gives, in all."""

    @abstractmethod
    def spread(self, tensor: Tensor) -> Tensor:
        """The first process's tensor in all; the others give one of its shape and type."""


class Alone(Group):
    """One process."""

    world = ALONE

    def share(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """All rows."""
        return batch

    def sum(self, values: Sequence[Tensor]) -> Sequence[Tensor]:
        """The values."""
        return values

    def sum_buffers(self, buffers: Sequence[Tensor]) -> None:
        """Nothing to do."""

    def from_first(self, value: T) -> T:
        """The value."""
        return value

    def spread(self, tensor: Tensor) -> Tensor:
        """The tensor."""
        return tensor


class Processes(Group):
    """N processes, each with a device of its own.

    Args:
        world: the place of this one.
        device: where what they exchange lies.
    """

    def __init__(self, world: World, device: torch.device | None = None) -> None:
        self.world, self.device = world, device or torch.device("cpu")

    def share(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Every N-th row, so that rows of several kinds are spread evenly."""
        return {
            name: tensor[self.world.rank :: self.world.size] if tensor.ndim else tensor
            for name, tensor in batch.items()
        }

    def sum(self, values: Sequence[Tensor]) -> Sequence[Tensor]:
        """One exchange for all."""
        joined_N = torch.stack([value.double() for value in values])
        dist.all_reduce(joined_N)
        return [total.to(value.dtype) for total, value in zip(joined_N, values, strict=True)]

    def sum_buffers(self, buffers: Sequence[Tensor]) -> None:
        """One exchange for all."""
        if not buffers:
            return
        joined = torch.cat([buffer.flatten() for buffer in buffers])
        dist.all_reduce(joined)
        parts = joined.split([buffer.numel() for buffer in buffers])
        for buffer, part in zip(buffers, parts, strict=True):
            buffer.copy_(part.view_as(buffer))

    def from_first(self, value: T) -> T:
        """Pickled by the first."""
        holder = [value]
        dist.broadcast_object_list(holder, src=0, device=self.device)
        return holder[0]

    def spread(self, tensor: Tensor) -> Tensor:
        """On the cpu again afterwards, where it came from there."""
        moved = tensor.to(self.device).contiguous()
        dist.broadcast(moved, src=0)
        return moved.to(tensor.device)


def device_of(world: World, accelerator: str) -> torch.device:
    """The device of a process: its own GPU, or the cpu.

    Where the launcher shows each process one GPU only, it is that one.

    Raises:
        ConfigError: more processes than GPUs.
    """
    if accelerator == "cpu":
        return torch.device("cpu")
    there = torch.cuda.device_count()
    shown_one_each = there == 1 and world.launcher == SLURM
    if world.local_size > there and not shown_one_each:
        raise ConfigError(
            f"{world.local_size} processes of one machine, {there} GPUs",
            where="runtime.num_processes",
            mend="start one process a GPU",
        )
    return torch.device("cuda", world.local_rank % max(1, there))


def meet(world: World, accelerator: str, address: str) -> Processes:
    """Wait for all processes of the world.

    Args:
        address: where they meet: `file://...` or `env://`.

    Raises:
        ConfigError: more processes than GPUs.
    """
    device = device_of(world, accelerator)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    if world.num_nodes == 1 and Path("/sys/class/net/lo").exists():
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # no name service, nothing outside
    dist.init_process_group(
        BACKENDS[accelerator], init_method=address, rank=world.rank, world_size=world.size
    )
    return Processes(world, device)


@contextmanager
def joined(world: World, accelerator: str) -> Iterator[Group]:
    """Be one of the processes that a launcher started, while the body runs.

    Raises:
        ResourceError: another process has gone.
    """
    if world.size == 1:
        yield Alone()
        return
    if world.launcher == SLURM:
        _find_first_machine()
    try:
        yield meet(world, accelerator, "env://")
    except RuntimeError as error:
        if not is_lost(error):
            raise
        raise lost(world) from error
    finally:
        part()


STEPS = 500
"""Ports that the steps of a job share."""


def _find_first_machine() -> None:
    """Set MASTER_ADDR and MASTER_PORT from the job's list of machines and its number."""
    from lightning.fabric.plugins.environments import SLURMEnvironment

    first = SLURMEnvironment.resolve_root_node_address(os.environ["SLURM_STEP_NODELIST"])
    os.environ.setdefault("MASTER_ADDR", first)
    step = int(os.environ.get("SLURM_STEP_ID", "0") or 0)  # two of a job do not meet
    port = SLURMEnvironment(auto_requeue=False).main_port + step % STEPS
    os.environ.setdefault("MASTER_PORT", str(port))


def part() -> None:
    """Leave the others."""
    if dist.is_initialized():
        dist.destroy_process_group()


def is_lost(error: RuntimeError) -> bool:
    """Whether an error of torch says that another process cannot be reached."""
    text = str(error).lower()
    return isinstance(error, dist.DistError) or any(
        word in text for word in ("gloo", "nccl", "connection closed", "connection reset")
    )


def lost(world: World) -> ResourceError:
    """Another process has gone."""
    return ResourceError(
        f"{world} has lost the others: one was killed, or cannot be reached",
        where="pre-training",
        mend="see what the others say, then start all again: they continue",
    )
