"""What processes of a group do in tests; apart, because each imports this file anew."""

from __future__ import annotations

import os
import signal
import time

import torch
import torch.distributed as dist

from polyseme.errors import DataError
from polyseme.training.checkpoint import Checkpoint, shared
from polyseme.training.processes import Group


def exchange(group: Group) -> None:
    """Sums, and what the first process has, are the same in all."""
    rank = group.world.rank
    assert [v.item() for v in group.sum([torch.tensor(1.0), torch.tensor(rank)])] == [2.0, 1]
    buffers = [torch.full((2,), 1.0 + rank), torch.ones(3)]
    group.sum_buffers(buffers)
    assert [b.tolist() for b in buffers] == [[3.0, 3.0], [2.0, 2.0, 2.0]]
    tensors = {"a": torch.arange(3), "b": torch.tensor([[0.5, 0.25]]).bfloat16()}
    found = shared(group, Checkpoint(7, tensors, {"seconds": 1.5}) if rank == 0 else None)
    assert found is not None
    assert (found.step, found.facts) == (7, {"seconds": 1.5})
    assert {name: found.tensors[name].tolist() for name in found.tensors} == {
        "a": [0, 1, 2],
        "b": [[0.5, 0.25]],
    }
    assert shared(group, None) is None


def follow(group: Group, job: str) -> None:
    exchange(group)
    if job == "refuse":
        raise DataError("no such text")
    if job == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    dist.barrier()


def wait(group: Group, job: None) -> None:
    time.sleep(600)
