"""Fit classifiers of all layers and labellings by Adam, one batch for all of them.

Shapes: L layers, N units, D dimensions, V labellings, C labels, b units of a batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, NamedTuple

import torch
from pydantic import AfterValidator, Field
from torch import Tensor

from polyseme.config import config
from polyseme.draws import philox
from polyseme.probes.common.nets import Net
from polyseme.training.options import Positive, Rate

ORDER_SEED = 0
STREAM = 5
After = Callable[[int, int], None]


def _distinct(values: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(values)) < len(values):
        raise ValueError("values that are not the same")
    return values


Sizes = Annotated[tuple[Positive, ...], AfterValidator(_distinct)]
"""Ranks or widths, each once."""


@config
class Steps:
    """How long a probe is trained, and by which steps."""

    epochs: Positive = 12
    """Passes over the training items, at least."""
    min_steps: Positive = 2000
    """Optimizer steps, at least: small tasks get more passes."""
    batch_size: Positive = 512
    """Items of an optimizer step."""
    lr: Rate = 0.02
    """First learning rate of Adam; falls to 0 along a cosine."""
    max_gib: Rate = 2.0
    """Most memory, above what the process held: fewer units are trained on where more would be
    needed. Of trees and edges the vectors alone are counted, of classifiers also what is noted of
    each unit, but not weights of thousands of labels."""


@config
class Fitting(Steps):
    """How a classifier is trained; a probe's Config adds its own values."""

    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """Decoupled weight decay."""
    max_units: Positive = 50_000
    """Most training units: a random choice, the same for all representations; where `max_gib` lets
    a wide one have fewer, they are among those of the others."""


class Scale(NamedTuple):
    """Mean and deviation of each dimension over the training units."""

    mean_L1D: Tensor
    deviation_L1D: Tensor

    @classmethod
    def of(cls, x_LND: Tensor) -> Scale:
        """Of the training units."""
        return cls(x_LND.mean(1, keepdim=True), x_LND.std(1, keepdim=True).clamp(min=1e-6))

    def __call__(self, x_LbD: Tensor) -> Tensor:
        """Mean 0, deviation 1."""
        return (x_LbD - self.mean_L1D).div_(self.deviation_L1D)  # no third copy

    def in_place(self, x_LbD: Tensor) -> Tensor:
        """The same, in the memory of what is given."""
        return x_LbD.sub_(self.mean_L1D).div_(self.deviation_L1D)


def fit(
    options: Fitting,
    nets: Sequence[Net],
    x_LND: Tensor,
    labels_VN: Tensor,
    after: After = lambda step, total: None,
) -> None:
    """Train all nets on the same batches; each as if it were alone.

    Args:
        x_LND: vectors, already scaled.
        after: see `descend`.
    """

    def loss(chosen: Tensor) -> Tensor:
        x_LbD, labels_Vb = x_LND[:, chosen], labels_VN[:, chosen]
        return torch.stack([nats(net(x_LbD), labels_Vb).mean(1).sum() for net in nets]).sum()

    weights = [w for net in nets for w in net.weights]
    descend(options, weights, loss, x_LND.shape[1], weight_decay=options.weight_decay, after=after)


def descend(
    options: Steps,
    weights: Sequence[Tensor],
    loss: Callable[[Tensor], Tensor],
    num_items: int,
    *,
    weight_decay: float = 0.0,
    after: After = lambda step, total: None,
) -> None:
    """Adam along a cosine, over all items in an order of its own in each pass.

    Args:
        loss: of the items of these numbers.
        after: called after each step with its number, from 1, and that of the last one.
    """
    optimizer = torch.optim.AdamW(weights, lr=options.lr, weight_decay=weight_decay, fused=True)
    per_epoch = math.ceil(num_items / options.batch_size)
    epochs = max(options.epochs, math.ceil(options.min_steps / per_epoch))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * per_epoch)
    for step, chosen in enumerate(_batches(num_items, options.batch_size, epochs), 1):
        loss(chosen).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        schedule.step()
        after(step, epochs * per_epoch)


def nats(logits_LbVC: Tensor, labels_Vb: Tensor) -> Tensor:
    """Cross-entropy of each unit, nats_LbV."""
    targets_LbV1 = labels_Vb.T[None, :, :, None].expand(len(logits_LbVC), -1, -1, 1)
    chosen_LbV = logits_LbVC.gather(-1, targets_LbV1)[..., 0]
    return logits_LbVC.logsumexp(-1) - chosen_LbV


def _batches(num_items: int, size: int, epochs: int) -> Iterator[Tensor]:
    for epoch in range(epochs):
        order = torch.from_numpy(philox(ORDER_SEED, STREAM, epoch).permutation(num_items))
        yield from order.split(size)
