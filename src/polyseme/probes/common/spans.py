"""Vectors of the words of labelled spans, as many as memory allows, or some at a time.

Shapes: L layers, N items, Q spans, S words of the longest span, D dimensions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from polyseme.probes.base import Probed
from polyseme.probes.common.labellings import drawn, encode_once, most_vectors

BLOCK, STREAM = 1024, 9


class Spans(NamedTuple):
    """Vectors of the words of spans, and the labels of their items."""

    h_LNQSD: Tensor
    mask_NQS: Tensor
    gold_N: Tensor

    def chosen(self, numbers: Tensor) -> Spans:
        """Some of the items."""
        return Spans(self.h_LNQSD[:, numbers], self.mask_NQS[numbers], self.gold_N[numbers])


class Items:
    """Spans and labels of a split; each text is encoded once.

    Args:
        max_words: of a span; of a longer one the last ones are read.

    Attributes:
        labels: number of each item's label.
    """

    def __init__(self, probed: Probed, name: str, *, max_words: int) -> None:
        split = probed.task.splits[name]
        self.probed, self.max_words = probed, max_words
        self.labels = [row[0] for row in probed.task.targets(split)]
        self.ends = [_pairs(split.places[n]) for n in range(len(split))] if split.places else []
        self.encoded = encode_once(probed.encode, split.sentences)

    def chosen(self, max_items: int, max_gib: float) -> list[int]:
        """Numbers of items that are trained on: at random, and no more than fit."""
        words = max(map(len, self.ends)) * self._longest(range(len(self.ends)))
        most = most_vectors(max_gib, self.probed.num_layers, self.probed.dim) // words
        return drawn(len(self.labels), max(1, min(max_items, most)), stream=STREAM)

    def blocks(self) -> Iterator[Spans]:
        """All items, some at a time."""
        for at in range(0, len(self.labels), BLOCK):
            yield self.spans(range(at, min(at + BLOCK, len(self.labels))))

    def spans(self, numbers: Sequence[int]) -> Spans:
        """Vectors of the words of some items' spans, where probes are trained."""
        probed, longest = self.probed, self._longest(numbers)
        num_spans = max(len(self.ends[n]) for n in numbers)
        h_LNQSD = torch.zeros(probed.num_layers, len(numbers), num_spans, longest, probed.dim)
        mask_NQS = torch.zeros(len(numbers), num_spans, longest, dtype=torch.bool)
        for row, n in enumerate(numbers):
            for q, (first, end) in enumerate(self.ends[n]):
                kept_LSD = self.encoded[n][:, max(first, end - longest) : end]
                h_LNQSD[:, row, q, : kept_LSD.shape[1]] = kept_LSD
                mask_NQS[row, q, : kept_LSD.shape[1]] = True
        gold_N = torch.tensor([self.labels[n] for n in numbers])
        return Spans(*(tensor.to(probed.device) for tensor in (h_LNQSD, mask_NQS, gold_N)))

    def _longest(self, numbers: Iterable[int]) -> int:
        return min(self.max_words, max(b - a for n in numbers for a, b in self.ends[n]))


def _pairs(places: Sequence[int]) -> list[tuple[int, int]]:
    return list(zip(places[::2], places[1::2], strict=True))
