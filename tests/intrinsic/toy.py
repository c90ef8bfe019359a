"""A contextual representation that is small enough to compute by hand."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from polyseme.models.base import MARKS, Representation, WordBatch, Words


class Toy(Representation):
    """Layer 0: a random vector a word; layer 1: that and the mean of its text.

    Args:
        words: known words; others have the zero vector in layer 0.
        dim: dimensions.

    Attributes:
        encoded: texts in the order in which they were encoded.
    """

    family = "contextual"
    num_layers = 2
    pooling = None

    def __init__(self, words: Sequence[str], dim: int = 6) -> None:
        super().__init__()
        self.dim, self.index = dim, {word: row + 1 for row, word in enumerate(dict.fromkeys(words))}
        self.table = nn.Embedding(len(self.index) + 1, dim, padding_idx=0)
        self.encoded: list[Words] = []
        self.reset(0)

    def reset(self, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            self.table.weight.copy_(torch.randn(self.table.weight.shape, generator=generator))
            self.table.weight[0] = 0

    def knows(self, word: str) -> bool:
        return word in self.index

    def prepare(self, sentences: Sequence[Words]) -> WordBatch:
        self.encoded += sentences
        lengths_B = torch.tensor([len(s) for s in sentences])
        rows_BT = torch.zeros(len(sentences), int(lengths_B.max()), dtype=torch.long)
        marks_BT = torch.zeros_like(rows_BT, dtype=torch.bool)
        for row, words in enumerate(sentences):
            known = [0 if word in MARKS else self.index.get(word, 0) for word in words]
            rows_BT[row, : len(words)] = torch.tensor(known)
            marks_BT[row, : len(words)] = torch.tensor([word in MARKS for word in words])
        return WordBatch(lengths_B, {"rows_BT": rows_BT, "marks_BT": marks_BT})

    def forward(self, batch: WordBatch) -> Tensor:
        h_BTD = self.table(batch.inputs["rows_BT"])
        marks_BT = batch.inputs["marks_BT"]
        there_BT, text_BT = batch.mask_BT & ~marks_BT, marks_BT.cumsum(1)
        same_BTT = (text_BT[:, :, None] == text_BT[:, None]) & there_BT[:, None]
        mean_BTD = (same_BTT.float() @ h_BTD) / same_BTT.sum(-1, keepdim=True).clamp(min=1)
        return torch.stack([h_BTD, (h_BTD + mean_BTD) * there_BT[..., None]])
