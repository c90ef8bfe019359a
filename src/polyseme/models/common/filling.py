"""Language models that fill gaps: how surprising is this word here, and which one fits best?

A word is hidden piece by piece: each of its pieces is shown as [MASK], all at once, so that none
gives another away (Kauf & Ivanova 2023, whole words). The pieces' probabilities are multiplied.

Shapes: R rows, S subwords, M hidden pieces, V vocabulary.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from polyseme.data.tokenizer import MASK, PAD, WordPieces
from polyseme.models.base import MARKS, Words, length_sorted_batches
from polyseme.models.common.contextual import Contextual

BATCH_PIECES = 4096


class Filling(ABC):
    """What a model offers that can tell the word of a gap."""

    @abstractmethod
    def surprisals(self, texts: Sequence[Words], places: Sequence[int]) -> list[float]:
        """-log2 of the probability of the word at each text's place, given all its other words."""

    @abstractmethod
    def fill(self, text: Words, place: int, num_words: int) -> list[tuple[str, float]]:
        """The most probable words of one piece at a place, with their probabilities."""


class MaskedFilling(Contextual, Filling):
    """Filling by masks; a subclass gives `masked_logits`."""

    pieces: WordPieces

    @abstractmethod
    def masked_logits(self, ids_RS: Tensor, attend_RS: Tensor, positions_M: Tensor) -> Tensor:
        """Scores of every token at the flat positions, MV."""

    @torch.no_grad()
    def surprisals(self, texts: Sequence[Words], places: Sequence[int]) -> list[float]:
        """See Filling."""
        rows = [self._row(text, place) for text, place in zip(texts, places, strict=True)]
        found = [0.0] * len(rows)
        for chosen in length_sorted_batches([len(ids) for ids, *_ in rows], BATCH_PIECES):
            logs_MV, owner_M = self._logs([rows[i] for i in chosen])
            targets_M = torch.tensor([t for i in chosen for t in rows[i][2]])
            nats_M = -logs_MV[torch.arange(len(targets_M)), targets_M]
            for item, nats in zip(owner_M, nats_M.tolist(), strict=True):
                found[chosen[item]] += nats / math.log(2)
        return found

    @torch.no_grad()
    def fill(self, text: Words, place: int, num_words: int) -> list[tuple[str, float]]:
        """See Filling."""
        ids, start, _ = self._row(text, place)
        logs_MV, _ = self._logs([(ids, start, [MASK])])
        best = logs_MV[0].exp().topk(num_words)
        names = [self.pieces.tokenizer.decode([int(i)]).strip() for i in best.indices]
        return list(zip(names, best.values.tolist(), strict=True))

    def _row(self, text: Words, place: int) -> tuple[list[int], int, list[int]]:
        """The row with the word at `place` hidden; where its pieces begin, and what they are."""
        before = sum(word not in MARKS for word in text[:place])
        for ids, spans in self._rows(text):
            if before < len(spans):
                start, end = spans[before]
                hidden = [*ids[:start], *[MASK] * (end - start), *ids[end:]]
                return hidden, start, ids[start:end]
            before -= len(spans)
        raise IndexError(f"no word at {place} of {len(text)}")

    def _logs(self, rows: Sequence[tuple[list[int], int, list[int]]]) -> tuple[Tensor, list[int]]:
        """Log-probabilities of all hidden pieces, and the row of each."""
        length = max(len(ids) for ids, *_ in rows)
        device = next(self.parameters()).device
        ids_RS = torch.tensor([ids + [PAD] * (length - len(ids)) for ids, *_ in rows])
        places = list(_places(rows, length))
        positions_M = torch.tensor([position for position, _ in places])
        logits_MV = self.masked_logits(
            ids_RS.to(device), (ids_RS != PAD).to(device), positions_M.to(device)
        )
        return logits_MV.float().log_softmax(-1).cpu(), [row for _, row in places]


def _places(
    rows: Sequence[tuple[list[int], int, list[int]]], length: int
) -> Iterator[tuple[int, int]]:
    for row, (_, start, hidden) in enumerate(rows):
        for n in range(len(hidden)):
            yield row * length + start + n, row
