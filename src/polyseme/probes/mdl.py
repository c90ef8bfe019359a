"""Minimum description length: how many bits do labels cost, given the vectors?

Online code (Voita & Titov 2020, section 2.2): labels are sent in blocks. The first one costs log2 C
bits a label; each following one what a probe trained on all before it says,

    t_1 log2 C - sum_i log2 p_i(labels t_i + 1 .. t_(i + 1)),

so that it counts how well the labels can be told and how many it takes to learn it. Compression is
the cost of the uniform code, N log2 C, over that of the online code: 1 where nothing was learned.

As in the source the state of each probe is the one that is best on validation units, here of
`looks` during the training; control labels have a code of their own. Units are sent in random
order.

Shapes: L layers, N units, P validation units, V labellings, C labels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Annotated

import torch
from pydantic import Field, model_validator
from torch import Tensor

from polyseme.config import config
from polyseme.draws import philox
from polyseme.probes.base import Probed, Rows
from polyseme.probes.common.fitting import Fitting, Scale, fit, nats
from polyseme.probes.common.labellings import Labelled, labelled
from polyseme.probes.common.nets import Linear, Net, Size
from polyseme.tasks.families.base import Family
from polyseme.training.options import Positive

STREAM = 7
BLOCK = 4096
Code = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""Vectors and labels of what was sent, and of the next block: nats_LV of the block."""


@config
class Config(Fitting):
    """Values of conf/probe/mdl.yaml."""

    fractions: Annotated[tuple[float, ...], Field(min_length=1)] = (
        0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.0625, 0.125, 0.25, 0.5, 1.0,
    )  # fmt: skip
    """Ends of the blocks as shares of all units, rising, the last one 1."""
    looks: Positive = 10
    """How often a probe in training is tried on validation units."""
    max_valid: Positive = 2000
    """Most validation units."""

    @model_validator(mode="after")
    def _whole(self) -> Config:
        """What is not sent costs nothing: a code of a part would look short."""
        rising = all(a < b for a, b in pairwise((0.0, *self.fractions)))
        if not rising or self.fractions[-1] != 1:
            raise ValueError("fractions above 0 that rise, the last one 1")
        return self


def suits(family: Family) -> bool:
    """Whatever has classes."""
    return family.has_classes


def measure(options: Config, probed: Probed) -> Rows:
    """Rows: kilobits and compression of every layer and labelling."""
    units = labelled(probed, options, max_valid=options.max_valid)
    if units is None:
        return
    num_labels = len(probed.task.labels)
    bits_LV = code_length(options, units, num_labels)
    num_units = units.train.h_LND.shape[1]
    uniform = num_units * math.log2(num_labels)
    for layer, bits_V in enumerate(bits_LV.tolist()):
        for key, bits in zip(units.keys, bits_V, strict=True):
            common = {
                "layer": str(layer),
                "control": key.control,
                "seed": key.seed,
                "train_size": units.train.num_items,
                "num_items": num_units,
                "split": "train",
            }
            yield {**common, "metric": "compression", "value": uniform / bits}
            yield {**common, "metric": "kilobits", "value": bits / 1000}


def code_length(options: Config, units: Labelled, num_labels: int) -> Tensor:
    """Bits of the online code, bits_LV."""
    h_LND, labels_VN = units.train.h_LND, units.labels_VN
    order = torch.from_numpy(philox(0, STREAM).permutation(h_LND.shape[1]))
    scale = Scale.of(h_LND)
    coder = Coder(options, units, num_labels, scale)
    x_LND = scale.in_place(h_LND[:, order])
    return online(x_LND, labels_VN[:, order], options.fractions, num_labels, coder)


def online(
    x_LND: Tensor, labels_VN: Tensor, fractions: Sequence[float], num_labels: int, code: Code
) -> Tensor:
    """Bits of the online code of labels in the given order, bits_LV."""
    num_units = x_LND.shape[1]
    ends = sorted({min(num_units, max(1, round(share * num_units))) for share in fractions})
    first = ends[0] * math.log2(num_labels)
    bits_LV = torch.full((len(x_LND), len(labels_VN)), first, dtype=torch.float64)
    for sent, end in pairwise(ends):
        block = (x_LND[:, sent:end], labels_VN[:, sent:end])
        bits_LV += code(x_LND[:, :sent], labels_VN[:, :sent], *block).cpu().double() / math.log(2)
    return bits_LV


class Coder:
    """Trains linear probes on what was sent and codes the next block."""

    def __init__(self, options: Config, units: Labelled, num_labels: int, scale: Scale) -> None:
        self.options, self.units, self.num_labels = options, units, num_labels
        self.valid_LPD = scale(units.valid.h_LND)

    def __call__(self, x_LND: Tensor, y_VN: Tensor, next_LND: Tensor, next_VN: Tensor) -> Tensor:
        """Nats of the next block under the state that is best on the validation units."""
        layers, _, dim = x_LND.shape
        seeds = [key.seed for key in self.units.keys]
        net = Linear(Size(layers, dim, seeds, self.num_labels), x_LND.device)
        best_LV = x_LND.new_full((layers, len(seeds)), math.inf)
        found_LV = torch.zeros_like(best_LV)

        def look(step: int, total: int) -> None:
            nonlocal best_LV, found_LV
            if step * self.options.looks % total >= self.options.looks:
                return
            valid_LV = _total(net, self.valid_LPD, self.units.valid_VP)
            better_LV = valid_LV < best_LV
            if bool(better_LV.any()):
                block_LV = _total(net, next_LND, next_VN)
                found_LV = torch.where(better_LV, block_LV, found_LV)
                best_LV = torch.where(better_LV, valid_LV, best_LV)

        fit(self.options, [net], x_LND, y_VN, look)
        return found_LV


@torch.no_grad()
def _total(net: Net, x_LND: Tensor, labels_VN: Tensor) -> Tensor:
    """Nats of all units, nats_LV."""
    parts = zip(x_LND.split(BLOCK, dim=1), labels_VN.split(BLOCK, dim=1), strict=True)
    return torch.stack([nats(net(x_LbD), y_Vb).sum(1) for x_LbD, y_Vb in parts]).sum(0)
