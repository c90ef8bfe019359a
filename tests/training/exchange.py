"""What processes of a group do in tests; apart, because each imports this file anew."""

from __future__ import annotations

import os
import signal
import time

import torch
import torch.distributed as dist

from polyseme.errors import DataError
from polyseme.training.processes import Group


def exchange(group: Group) -> None:
    """Sums of gradients and of values are those of all processes."""
    module = torch.nn.ParameterDict({n: torch.nn.Parameter(torch.zeros(2)) for n in "abc"})
    module["a"].grad = torch.full((2,), 1.0 + group.rank)
    if group.rank:
        module["b"].grad = torch.ones(2)
    group.sum_gradients(module)
    assert module["a"].grad.tolist() == [3.0, 3.0]
    assert module["b"].grad.tolist() == [1.0, 1.0]
    assert module["c"].grad is None
    assert [v.item() for v in group.sum([torch.tensor(1.0), torch.tensor(group.rank)])] == [2.0, 1]


def follow(group: Group, job: str) -> None:
    exchange(group)
    if job == "refuse":
        raise DataError("no such text")
    if job == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    dist.barrier()


def wait(group: Group, job: None) -> None:
    time.sleep(60)
