"""Where the head's input comes from: the representation itself, or vectors encoded once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from polyseme.models.base import Representation, Words
from polyseme.transfer.encoded import Picked


class Vectors(Protocol):
    """Word vectors of chosen items of one split."""

    def __call__(self, items: Sequence[int]) -> tuple[Tensor, Tensor]:
        """h_LBTD and mask_BT."""
        ...


class Live:
    """Encode in every step: gradients reach the representation."""

    def __init__(self, representation: Representation, sentences: Sequence[Words]) -> None:
        self.representation, self.sentences = representation, sentences

    def __call__(self, items: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Encode the items."""
        device = next(self.representation.parameters()).device
        batch = self.representation.prepare([self.sentences[i] for i in items]).to(device)
        return self.representation(batch), batch.mask_BT


class Cached:
    """Vectors that were encoded once, and are looked up; they stay on the cpu."""

    def __init__(self, encoded: Sequence[Tensor]) -> None:
        self.encoded = encoded

    def chosen(self, items: Sequence[int]) -> Cached:
        """Only some of the items, numbered anew."""
        return Cached(Picked(self.encoded, items))

    def __call__(self, items: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Pad the vectors of the items."""
        chosen = [self.encoded[i].transpose(0, 1) for i in items]
        h_LBTD = torch.nn.utils.rnn.pad_sequence(chosen, batch_first=True).permute(2, 0, 1, 3)
        lengths_B = torch.tensor([len(h) for h in chosen])
        mask_BT = torch.arange(h_LBTD.shape[2]) < lengths_B[:, None]
        return h_LBTD, mask_BT
