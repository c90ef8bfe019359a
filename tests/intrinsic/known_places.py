"""A contextual representation whose vectors can be told by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from polyseme.models.base import Representation, WordBatch, Words


class Places(Representation):
    """Layer 0: code of the word, 1, 0. Layer 1: code, length of the sentence, place in it."""

    family: ClassVar[str] = "contextual"
    num_layers = 2
    dim = 3
    pooling = None

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))
        self.num_words = 0

    def prepare(self, sentences: Sequence[Words]) -> WordBatch:
        lengths_B = torch.tensor([len(s) for s in sentences])
        codes_BT = torch.zeros(len(sentences), int(lengths_B.max()))
        for row, sentence in enumerate(sentences):
            codes_BT[row, : len(sentence)] = torch.tensor([float(code(w)) for w in sentence])
            self.num_words += len(sentence)
        return WordBatch(lengths_B, {"codes_BT": codes_BT})

    def forward(self, batch: WordBatch) -> Tensor:
        codes_BT = batch.inputs["codes_BT"]
        ones_BT = torch.ones_like(codes_BT)
        places_BT = ones_BT.cumsum(1) - 1
        lengths_BT = ones_BT * batch.lengths_B[:, None]
        first = torch.stack([codes_BT, ones_BT, 0 * ones_BT], -1)
        return torch.stack([first, torch.stack([codes_BT, lengths_BT, places_BT], -1)])

    def reset(self, seed: int) -> None:
        """No weights."""


def code(word: str) -> int:
    """Of its first letter, whatever its case."""
    return ord(word[0].lower()) - ord("a")
