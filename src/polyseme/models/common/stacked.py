"""Two representations side by side: the vectors of a word, one after the other.

Each layer of the first beside the last layer of the second; both are normalised, so that neither
drowns the other (heads normalise again, over both).

Shapes: L layers and D dimensions of the first, E dimensions of the second.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from polyseme.models.base import Representation, WordBatch, Words

FIRST, SECOND = "first.", "second."


class Stacked(Representation):
    """`first` with `second` beside each of its layers; dim is the sum of both."""

    family: ClassVar[str] = "contextual"

    def __init__(self, first: Representation, second: Representation) -> None:
        super().__init__()
        self.one, self.other = first, second
        self.num_layers, self.dim = first.num_layers, first.dim + second.dim
        self.pooling = first.pooling

    def prepare(self, sentences: Sequence[Words]) -> WordBatch:
        """See Representation."""
        one, other = self.one.prepare(sentences), self.other.prepare(sentences)
        inputs = {FIRST + name: tensor for name, tensor in one.inputs.items()}
        inputs |= {SECOND + name: tensor for name, tensor in other.inputs.items()}
        return WordBatch(one.lengths_B, inputs)

    def forward(self, batch: WordBatch) -> Tensor:
        """Vectors h_LBT(D+E)."""
        h_LBTD = self.one(_part(batch, FIRST))
        x_BTE = self.other(_part(batch, SECOND))[-1].to(h_LBTD.dtype)
        x_LBTE = F.layer_norm(x_BTE, x_BTE.shape[-1:]).expand(self.num_layers, *x_BTE.shape)
        return torch.cat([F.layer_norm(h_LBTD, h_LBTD.shape[-1:]), x_LBTE], dim=-1)

    def reset(self, seed: int) -> None:
        """See Representation."""
        self.one.reset(seed)
        self.other.reset(seed)

    def knows(self, word: str) -> bool:
        """Whether both have a vector for it."""
        return self.one.knows(word) and self.other.knows(word)


def _part(batch: WordBatch, prefix: str) -> WordBatch:
    inputs = batch.inputs
    return WordBatch(
        batch.lengths_B,
        {n.removeprefix(prefix): inputs[n] for n in inputs if n.startswith(prefix)},
    )
