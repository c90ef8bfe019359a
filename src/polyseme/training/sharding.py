"""A model of which each process has a part (torch's FSDP2), and whole tensors of it.

Blocks, named `blocks` as for Muon, are gathered one by one, all other weights at once. All that is
here but `shard` also takes tensors that are not sharded.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import FSDPModule, fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor, distribute_tensor

BLOCKS = "blocks"
FORWARD_METHODS = ("losses", "at")
"""What is called of a model and of a block besides `forward`."""


def shard(model: nn.Module, mesh: DeviceMesh) -> None:
    """Leave each process a part of every weight."""
    blocks = [
        block
        for name, part in model.named_modules()
        if isinstance(part, nn.ModuleList) and name.rpartition(".")[2] == BLOCKS
        for block in part
    ]
    for part in [*blocks, model]:
        fully_shard(part, mesh=mesh)
        for method in FORWARD_METHODS:
            if hasattr(part, method):
                register_fsdp_forward_method(part, method)


def let_go(model: nn.Module) -> None:
    """Keep parts only, after a forward pass that no backward pass follows.

    The next one would use what had been gathered, whatever has become of the parts.
    """
    for part in model.modules():
        if isinstance(part, FSDPModule):
            part.reshard()


def own(tensor: Tensor) -> Tensor:
    """The part of a tensor that this process has; the tensor, where it is not sharded."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def whole(tensor: Tensor) -> Tensor:
    """All of a tensor; where it is sharded, all processes have to ask."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def joined(part: Tensor, like: Tensor) -> Tensor:
    """All of what this process has a part of, sharded as `like` is."""
    if not isinstance(like, DTensor):
        return part
    return DTensor.from_local(
        part, like.device_mesh, like.placements, shape=like.shape, stride=like.stride()
    ).full_tensor()


def placed(tensor: Tensor, like: Tensor) -> Tensor:
    """A whole tensor, sharded as `like` is, if that is of its shape."""
    if not isinstance(like, DTensor) or tensor.shape != like.shape:
        return tensor
    at = tensor.to(like.device)
    return distribute_tensor(at, like.device_mesh, like.placements, src_data_rank=None)


@torch.no_grad()
def clip(module: nn.Module, most: float) -> Tensor:
    """Shorten the gradient to a norm of `most`.

    Returns:
        Its norm before.
    """
    weights = [w for w in module.parameters() if w.grad is not None]
    norm = whole(nn.utils.get_total_norm([w.grad for w in weights if w.grad is not None]))
    nn.utils.clip_grads_with_norm_(weights, most, norm)
    return norm


@torch.no_grad()
def fill(model: nn.Module, trained: nn.Module) -> None:
    """Give a model the weights of its sharded copy."""
    for mine, other in zip(model.parameters(), trained.parameters(), strict=True):
        mine.copy_(whole(other.detach()))
