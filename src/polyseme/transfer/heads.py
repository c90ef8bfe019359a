"""The heads of all seeds side by side, on units that are made already.

What one of them computes is what `Head` computes on the same units.

Shapes: V heads, L layers, N units, b units of a batch, Q parts, D dimensions, E dimensions of a
unit, C outputs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from polyseme.strategies.base import Strategy
from polyseme.tasks.families.base import Family, restrict
from polyseme.transfer.head import Head
from polyseme.transfer.units import Units

PREDICTED_UNITS = 16384
PREDICTED_SCORES = 2**25
"""At once, of all heads: 128 MiB. It counts where there are thousands of labels."""


class Heads(nn.Module):
    """V heads side by side, each begun as a `Head` of its own seed.

    Attributes:
        num_parameters: of one of them.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        num_labels: int,
        family: Family,
        strategy: Strategy,
        seeds: Sequence[int],
    ) -> None:
        super().__init__()
        self.family, self.rate = family, strategy.head.dropout
        layers, dim = shape
        made = []
        for seed in seeds:
            torch.manual_seed(seed)
            made.append(
                Head(
                    num_layers=layers,
                    dim=dim,
                    num_labels=num_labels,
                    family=family,
                    options=strategy.head,
                )
            )
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.weights_VL = _stacked([head.weights_L for head in made])
        self.scale_V1 = _stacked([head.scale for head in made])
        self.weight_VEC = _stacked([head.classifier.weight.T for head in made])
        self.bias_V1C = _stacked([head.classifier.bias[None] for head in made])
        self.num_parameters = sum(w.numel() for w in made[0].parameters())

    def forward(self, parts_VbLQD: Tensor, counts: Sequence[int] = ()) -> Tensor:
        """Scores logits_VbC.

        Args:
            counts: units of each head's batch in training; the others are padding.
        """
        mix_VL = self.weights_VL.softmax(-1) * self.scale_V1
        mixed_VbQD = torch.einsum("vl,vblqd->vbqd", mix_VL, parts_VbLQD)
        units_VbE = self._drop(self.family.combine(mixed_VbQD), counts)
        return torch.baddbmm(self.bias_V1C, units_VbE, self.weight_VEC)

    def _drop(self, x_VbE: Tensor, counts: Sequence[int]) -> Tensor:
        """Dropout; each head has draws of its own, whatever other heads there are."""
        if not self.training or not self.rate:
            return x_VbE
        kept = [
            torch.rand(count, x_VbE.shape[-1], generator=generator) >= self.rate
            for count, generator in zip(counts, self.generators, strict=True)
        ]
        return x_VbE * pad_sequence(kept, batch_first=True).to(x_VbE) / (1 - self.rate)


def _stacked(weights: Sequence[Tensor]) -> nn.Parameter:
    return nn.Parameter(torch.stack([w.detach() for w in weights]).contiguous())


@torch.no_grad()
def predict(heads: Heads, units: Units) -> list[np.ndarray]:
    """Label numbers (or values) of all units of the split, under every head."""
    num_heads, num_outputs = len(heads.generators), heads.bias_V1C.shape[-1]
    step = max(1, min(PREDICTED_UNITS, PREDICTED_SCORES // (num_heads * num_outputs)))
    found: list[list[np.ndarray]] = [[] for _ in range(num_heads)]
    for at in range(0, max(1, len(units.targets_N)), step):
        parts_NLQD = units.parts_NLQD[at : at + step].to(heads.scale_V1.device)
        scores_VNC = heads(parts_NLQD.expand(num_heads, *parts_NLQD.shape)).cpu()
        if units.choices is not None:
            chosen = units.choices[at : at + step]
            scores_VNC = torch.stack([restrict(scores_NC, chosen) for scores_NC in scores_VNC])
        for pieces, scores_NC in zip(found, scores_VNC, strict=True):
            pieces.append(heads.family.decode(scores_NC))
    return [units.spread(np.concatenate(pieces)) for pieces in found]
