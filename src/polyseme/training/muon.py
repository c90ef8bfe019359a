"""Muon (Jordan 2024), all matrices of one shape at once.

    buffer = lerp(gradient, buffer, momentum);  update = lerp(gradient, buffer, momentum)
    weight -= lr * sqrt(max(1, rows / columns)) * orthogonalize(update)

The arithmetic is that of torch.optim.Muon, against which tests hold it. Departures, for speed on
small matrices: matrices of one shape, or its transpose, are orthogonalised in one batched product,
and the iteration runs in bfloat16, as torch's does, only where training does (benchmarks/muon.py).
Where weights are sharded, momenta are gathered, and each process takes its part of the update.

Shapes: G matrices of R rows and C columns.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from polyseme.training.sharding import joined, own, placed

COEFFICIENTS = (3.4445, -4.775, 2.0315)
ITERATIONS = 5
EPSILON = 1e-7


class Muon(Optimizer):
    """Momentum, orthogonalised.

    Args:
        matrices: two-dimensional weights.
        lr: length of an update's singular values.
        momentum: of the running gradient.
        weight_decay: decoupled.
        bf16: iterate in bfloat16; in float32 otherwise.
    """

    def __init__(
        self,
        matrices: Iterable[nn.Parameter],
        *,
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        bf16: bool = False,
    ) -> None:
        self.precision = torch.bfloat16 if bf16 else torch.float32
        by_shape: dict[torch.Size, list[nn.Parameter]] = {}
        for weight in matrices:
            by_shape.setdefault(weight.shape, []).append(weight)
        groups = [{"params": weights} for weights in by_shape.values()]
        super().__init__(groups, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """Update every matrix that has a gradient; a matrix and a transposed one share a batch."""
        batches: dict[tuple[int, ...], list[tuple[dict[str, Any], list[Tensor]]]] = {}
        for group in self.param_groups:
            weights = [w for w in group["params"] if w.grad is not None]
            if weights:
                batches.setdefault(tuple(sorted(weights[0].shape)), []).append((group, weights))
        for members in batches.values():
            momenta = [m for group, weights in members for m in self._momenta(weights, group)]
            updates_GRC = orthogonalize(torch.stack(momenta), self.precision)
            parts = updates_GRC.split([len(weights) for _, weights in members])
            for (group, weights), part in zip(members, parts, strict=True):
                _apply(weights, part, group)

    def _momenta(self, weights: list[Tensor], group: dict[str, Any]) -> list[Tensor]:
        """Nesterov momentum of each weight, with no more rows than columns."""
        gradients = [own(w.grad) for w in weights if w.grad is not None]
        buffers = [own(self._buffer(w)) for w in weights]
        torch._foreach_lerp_(buffers, gradients, 1 - group["momentum"])
        parts = torch._foreach_lerp(gradients, buffers, group["momentum"])
        momenta = [joined(part, weight) for part, weight in zip(parts, weights, strict=True)]
        return [m.mT for m in momenta] if _is_tall(weights[0]) else momenta

    def _buffer(self, weight: Tensor) -> Tensor:
        state = self.state[weight]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(weight)
        return state["momentum_buffer"]


def _apply(weights: list[Tensor], updates_GRC: Tensor, group: dict[str, Any]) -> None:
    rows, columns = weights[0].shape
    length = group["lr"] * max(1.0, rows / columns) ** 0.5
    updates = (updates_GRC.mT if _is_tall(weights[0]) else updates_GRC).unbind()
    parts = [own(placed(update, w)) for update, w in zip(updates, weights, strict=True)]
    mine = [own(weight) for weight in weights]
    torch._foreach_mul_(mine, 1 - group["lr"] * group["weight_decay"])
    torch._foreach_add_(mine, parts, alpha=-length)


def _is_tall(weight: Tensor) -> bool:
    return weight.shape[0] > weight.shape[1]


def orthogonalize(x_GRC: Tensor, precision: torch.dtype = torch.float32) -> Tensor:
    """Nearest semi-orthogonal matrices, roughly: a quintic Newton-Schulz iteration."""
    a, b, c = COEFFICIENTS
    tall = x_GRC.shape[1] > x_GRC.shape[2]
    x = x_GRC.to(precision)
    x = x.mT if tall else x
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=EPSILON)
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.mT if tall else x).to(x_GRC.dtype)
