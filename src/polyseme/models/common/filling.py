"""Language models that fill gaps: how surprising is this word here, and which one fits best?

A model that sees both sides is shown a word's place piece by piece as [MASK], all at once, so that
none gives another away (Kauf & Ivanova 2023, whole words). The pieces' probabilities are
multiplied.

A model that reads from left to right knows what stands before the place only: the surprisal of a
word is that of its pieces, one after the other, given all to the left. What the other side would
tell it cannot use, so its surprisals compare with those of its kind (`sides`), and their sum over a
sentence is the sentence's own. Where it fills a gap, it proposes words from the left and ranks
them by the probability of the whole row.

Shapes: R rows, S subwords, M hidden pieces, V vocabulary.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from polyseme.data.tokenizer import MASK, PAD, WordPieces
from polyseme.models.base import MARKS, Words, length_sorted_batches
from polyseme.models.common.contextual import Contextual

BATCH_PIECES = 4096
BATCH_PREDICTIONS = 1024
"""Where each piece of a batch has its own distribution over the vocabulary."""
NUM_PROPOSED = 64


class Filling(ABC):
    """What a model offers that can tell the word of a gap.

    Attributes:
        sides: what surprisals are given: the words on `both` sides, or those to the `left`.
    """

    sides: Literal["both", "left"] = "both"

    @abstractmethod
    def surprisals(self, texts: Sequence[Words], places: Sequence[int]) -> list[float]:
        """-log2 of the probability of the word at each text's place, given the others it sees."""

    @abstractmethod
    def fill(self, text: Words, place: int, num_words: int) -> list[tuple[str, float]]:
        """The most probable words of one piece at a place, with their probabilities."""

    def scores(self, texts: Sequence[Words]) -> list[float]:
        """How good each sentence is: log2 of the probabilities of its words, added up.

        From both sides that is the pseudo-log-likelihood (Salazar et al. 2020), from the left the
        log-likelihood.
        """
        owners = [(n, place) for n, text in enumerate(texts) for place in range(len(text))]
        bits = self.surprisals([texts[n] for n, _ in owners], [place for _, place in owners])
        sums = [0.0] * len(texts)
        for (n, _), surprisal in zip(owners, bits, strict=True):
            sums[n] -= surprisal
        return sums


def locate(model: Contextual, text: Words, place: int) -> tuple[list[int], int, int]:
    """The row with the word at `place`, where its pieces begin and one past their end."""
    before = sum(word not in MARKS for word in text[:place])
    for ids, spans in model._rows(text):
        if before < len(spans):
            return ids, *spans[before]
        before -= len(spans)
    raise IndexError(f"no word at {place} of {len(text)}")


def padded(rows: Sequence[list[int]]) -> Tensor:
    """Rows of subword ids as one tensor ids_RS."""
    length = max(map(len, rows))
    return torch.tensor([row + [PAD] * (length - len(row)) for row in rows])


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
        ids, start, end = locate(self, text, place)
        hidden = [*ids[:start], *[MASK] * (end - start), *ids[end:]]
        return hidden, start, ids[start:end]

    def _logs(self, rows: Sequence[tuple[list[int], int, list[int]]]) -> tuple[Tensor, list[int]]:
        """Log-probabilities of all hidden pieces, and the row of each."""
        device = next(self.parameters()).device
        ids_RS = padded([ids for ids, *_ in rows])
        places = list(_places(rows, ids_RS.shape[1]))
        positions_M = torch.tensor([position for position, _ in places])
        logits_MV = self.masked_logits(
            ids_RS.to(device), (ids_RS != PAD).to(device), positions_M.to(device)
        )
        return logits_MV.float().log_softmax(-1).cpu(), [row for _, row in places]


class CausalFilling(Contextual, Filling):
    """Filling from the left; a subclass gives `causal_logits`."""

    pieces: WordPieces
    sides = "left"

    @abstractmethod
    def causal_logits(self, ids_RS: Tensor) -> Tensor:
        """Scores of the token after each position, RSV; nothing to the right is seen."""

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
        """See Filling; probabilities are shares among the words that the left side proposes."""
        ids, start, end = locate(self, text, place)
        device = next(self.parameters()).device
        next_V = self.causal_logits(torch.tensor([ids[:start]], device=device))[0, -1].float()
        begins = self.pieces.first_pieces
        proposed = begins[next_V.cpu()[begins].topk(min(NUM_PROPOSED, len(begins))).indices]
        bits = self._bits([[*ids[:start], int(piece), *ids[end:]] for piece in proposed])
        shares = torch.stack([-b.sum() * math.log(2) for b in bits]).softmax(0)
        best = shares.topk(min(num_words, len(shares)))
        names = [self.pieces.tokenizer.decode([int(proposed[i])]).strip() for i in best.indices]
        return list(zip(names, best.values.tolist(), strict=True))

    def _bits(self, rows: Sequence[list[int]]) -> list[Tensor]:
        """Surprisal of each token of each row given those before it; 0 for the first."""
        found = [torch.zeros(0)] * len(rows)
        device = next(self.parameters()).device
        for chosen in length_sorted_batches([len(row) for row in rows], BATCH_PREDICTIONS):
            ids_RS = padded([rows[i] for i in chosen]).to(device)
            logs_RSV = self.causal_logits(ids_RS[:, :-1]).float().log_softmax(-1)
            bits_RS = -logs_RSV.gather(-1, ids_RS[:, 1:, None])[..., 0].cpu() / math.log(2)
            for bits_S, i in zip(F.pad(bits_RS, (1, 0)), chosen, strict=True):
                found[i] = bits_S[: len(rows[i])]
        return found


def _places(
    rows: Sequence[tuple[list[int], int, list[int]]], length: int
) -> Iterator[tuple[int, int]]:
    for row, (_, start, hidden) in enumerate(rows):
        for n in range(len(hidden)):
            yield row * length + start + n, row
