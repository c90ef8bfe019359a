"""Classifiers of all layers and labellings side by side.

The vectors of a layer are multiplied with the weights of all its labellings in one product, and all
layers in one batched product, so that the processor sees a few large multiplications instead of
many small ones. Each (layer, labelling) has weights of its own and learns as if it were alone; its
first weights depend on the seed of the labelling, not on the layer.

Shapes: L layers, b units, D dimensions, V labellings, C labels, r rank or width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor


class Size(NamedTuple):
    """L, D, V (by their seeds), C."""

    layers: int
    dim: int
    seeds_V: Sequence[int]
    num_labels: int


class Net(Protocol):
    """Weights of all layers and labellings."""

    weights: list[Tensor]

    def __call__(self, x_LbD: Tensor) -> Tensor:
        """Scores logits_LbVC."""
        ...


class Linear:
    """logits = x W + b, from zero bias and W of variance 1 / D^2."""

    def __init__(self, size: Size, device: torch.device) -> None:
        start = [_normal(seed, size.dim, size.num_labels) / size.dim for seed in size.seeds_V]
        self.num_labellings = len(start)
        self.w_LDK = _leaf(torch.cat(start, dim=-1).repeat(size.layers, 1, 1), device)
        self.b_L1K = _leaf(torch.zeros(size.layers, 1, self.w_LDK.shape[-1]), device)
        self.weights = [self.w_LDK, self.b_L1K]

    def __call__(self, x_LbD: Tensor) -> Tensor:
        """See Net."""
        logits_LbK = torch.baddbmm(self.b_L1K, x_LbD, self.w_LDK)
        return logits_LbK.unflatten(-1, (self.num_labellings, -1))


class Hidden:
    """logits = f(x U + a) W + b over r hidden units; f is ReLU, or nothing: then W has rank r."""

    def __init__(self, size: Size, width: int, device: torch.device, *, linear: bool) -> None:
        self.linear, self.num_labellings = linear, len(size.seeds_V)
        inner = [_normal(seed, size.dim, width) / size.dim**0.5 for seed in size.seeds_V]
        outer = [_normal(seed, width, size.num_labels) / width for seed in size.seeds_V]
        count = size.layers * self.num_labellings
        self.u_LDK = _leaf(torch.cat(inner, dim=-1).repeat(size.layers, 1, 1), device)
        self.a_L1K = _leaf(torch.zeros(size.layers, 1, self.u_LDK.shape[-1]), device)
        self.w_XrC = _leaf(torch.stack(outer).repeat(size.layers, 1, 1), device)
        self.b_X1C = _leaf(torch.zeros(count, 1, size.num_labels), device)
        self.weights = [self.u_LDK, self.w_XrC, self.b_X1C] + ([] if linear else [self.a_L1K])

    def __call__(self, x_LbD: Tensor) -> Tensor:
        """See Net."""
        hidden_LbK = torch.baddbmm(self.a_L1K, x_LbD, self.u_LDK)
        hidden_LbVr = hidden_LbK.unflatten(-1, (self.num_labellings, -1))
        if not self.linear:
            hidden_LbVr = hidden_LbVr.relu()
        hidden_Xbr = hidden_LbVr.transpose(1, 2).flatten(0, 1)
        logits_XbC = torch.baddbmm(self.b_X1C, hidden_Xbr, self.w_XrC)
        return logits_XbC.unflatten(0, (len(x_LbD), -1)).transpose(1, 2)


def _normal(seed: int, rows: int, columns: int) -> Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))


def _leaf(start: Tensor, device: torch.device) -> Tensor:
    return start.to(device).requires_grad_()
