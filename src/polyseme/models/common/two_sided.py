"""Filling by a language model of two directions, neither of which sees what the other does.

There is no exact probability of a word given both sides: the surprisal of a word is the mean of its
surprisals given the words to its left and given those to its right. It compares with models of its
kind only (`sides`); added up over a sentence it is the mean of two log-likelihoods. A gap is filled
by the product of both directions' probabilities, normalised over words of one piece.

Shapes: R rows, S subwords, V vocabulary.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from polyseme.data.tokenizer import MASK, PAD, SPECIALS
from polyseme.models.base import Words, length_sorted_batches
from polyseme.models.common.contextual import Contextual
from polyseme.models.common.filling import BATCH_PREDICTIONS, Filling, locate, padded


class TwoSidedFilling(Contextual, Filling):
    """A subclass gives `side_logits`."""

    sides = "each"

    @abstractmethod
    def side_logits(self, ids_RS: Tensor, attend_RS: Tensor) -> tuple[Tensor, Tensor]:
        """Scores of the token after each position, and of the one before it; each RSV."""

    @torch.no_grad()
    def surprisals(self, texts: Sequence[Words], places: Sequence[int]) -> list[float]:
        """See Filling; each row is read once, however many of its words are asked for."""
        rows: dict[tuple[int, ...], int] = {}
        wanted = []
        for text, place in zip(texts, places, strict=True):
            ids, start, end = locate(self, text, place)
            wanted.append((rows.setdefault(tuple(ids), len(rows)), start, end))
        bits = self._bits([list(row) for row in rows])
        return [float(bits[row][start:end].sum()) for row, start, end in wanted]

    @torch.no_grad()
    def fill(self, text: Words, place: int, num_words: int) -> list[tuple[str, float]]:
        """See Filling."""
        ids, start, end = locate(self, text, place)
        row = [*ids[:start], MASK, *ids[end:]]  # no direction reads what it predicts
        left_SV, right_SV = (logs[0] for logs in self._logs([row]))
        both_V = (left_SV[start - 1] + right_SV[start + 1])[len(SPECIALS) :]
        best = both_V.softmax(0).topk(min(num_words, len(both_V)))
        names = [
            self.pieces.tokenizer.decode([int(i) + len(SPECIALS)]).strip() for i in best.indices
        ]
        return list(zip(names, best.values.tolist(), strict=True))

    def _logs(self, rows: Sequence[list[int]]) -> tuple[Tensor, ...]:
        """Log-probabilities of the next and of the previous token, each RSV."""
        ids_RS = padded(rows).to(next(self.parameters()).device)
        scores = self.side_logits(ids_RS, ids_RS != PAD)
        return tuple(logits_RSV.float().log_softmax(-1).cpu() for logits_RSV in scores)

    def _bits(self, rows: Sequence[list[int]]) -> list[Tensor]:
        """Mean surprisal of each token of each row from both sides; 0 at the row's ends."""
        found = [torch.zeros(len(row)) for row in rows]
        for chosen in length_sorted_batches([len(row) for row in rows], BATCH_PREDICTIONS):
            left_RSV, right_RSV = self._logs([rows[i] for i in chosen])
            for i, left_SV, right_SV in zip(chosen, left_RSV, right_RSV, strict=True):
                inner = torch.tensor(rows[i][1:-1])[:, None]
                end = len(rows[i])
                logs = left_SV[: end - 2].gather(1, inner) + right_SV[2:end].gather(1, inner)
                found[i][1:-1] = -logs[:, 0] / (2 * math.log(2))
        return found
