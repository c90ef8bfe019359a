"""Language models that fill gaps: how surprising is this word here, and which one fits best?

A model that sees both sides is shown a word's place piece by piece as [MASK]. The surprisal of a
word is that of its pieces from left to right: each is guessed while it and the later pieces of the
word are hidden (`pll_word_l2r`, Kauf & Ivanova 2023, section 3). By the chain rule that is the
probability of the word given all others, and no piece is given away by a later one. With all
pieces hidden at once and their probabilities multiplied (`pll_whole_word`, ibid.), a word of many
pieces pays for not knowing its own beginning.

A model that reads from left to right knows what stands before the place only: the surprisal of a
word is that of its pieces, one after the other, given all to the left. What the other side would
tell it cannot use, so its surprisals compare with those of its kind (`sides`), and their sum over a
sentence is the sentence's own. Where it fills a gap, it proposes words from the left and ranks
them by the probability of the whole row.

What is computed: each distinct row once, in batches of rows of one length, so that nothing is
padding; scores of the vocabulary only at the hidden piece that is asked for. Of a pair of
sentences that differ in one word, the row in which it is hidden is one.

Shapes: R rows, S subwords, M hidden pieces, K asked pieces, V vocabulary.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from polyseme.data.tokenizer import MASK, PAD, WordPieces
from polyseme.models.base import Words
from polyseme.models.common.asking import Row, each_word, located, of_one_length
from polyseme.models.common.contextual import SubwordRows

BATCH_PIECES = 4096
BATCH_PREDICTIONS = 1024
"""Where each piece of a batch has its own distribution over the vocabulary."""
NUM_PROPOSED = 64

LEFT_TO_RIGHT, WHOLE_WORD = "pll_word_l2r", "pll_whole_word"
Questions = dict[tuple[int, ...], dict[int, list[tuple[int, int]]]]
"""Row with hidden pieces -> position -> the pieces to be guessed there, and for which item."""


class Filling(ABC):
    """What a model offers that can tell the word of a gap.

    Attributes:
        sides: what surprisals are given: the words on `both` sides, those to the `left`, or those
            of `each` side alone, of which they are the mean.
    """

    sides: Literal["both", "left", "each"] = "both"

    @abstractmethod
    def surprisals(self, texts: Sequence[Words], places: Sequence[int]) -> list[float]:
        """-log2 of the probability of the word at each text's place, given the others it sees."""

    @abstractmethod
    def fill(self, text: Words, place: int, num_words: int) -> list[tuple[str, float]]:
        """The most probable words of one piece at a place, with their probabilities."""

    def word_surprisals(self, texts: Sequence[Words]) -> list[list[float]]:
        """Surprisal of each word of each text, in bits; 0 for marks."""
        return each_word(texts, self.surprisals)

    def scores(self, texts: Sequence[Words]) -> list[float]:
        """How good each sentence is: log2 of the probabilities of its words, added up.

        From both sides that is the pseudo-log-likelihood (Salazar et al. 2020), from the left the
        log-likelihood.
        """
        return [-sum(bits) for bits in self.word_surprisals(texts)]


def locate(model: SubwordRows, text: Words, place: int) -> Row:
    """The row with the word at `place`, where its pieces begin and one past their end."""
    return next(located(model, [text], [place]))


def padded(rows: Sequence[list[int]]) -> Tensor:
    """Rows of subword ids as one tensor ids_RS."""
    length = max(map(len, rows))
    return torch.tensor([row + [PAD] * (length - len(row)) for row in rows])


class PieceFilling(SubwordRows, Filling):
    """What filling has to know of the pieces; here those of a corpus."""

    pieces: WordPieces
    mask_piece = MASK

    def piece_text(self, piece: int) -> str:
        """A piece as a word."""
        return self.pieces.tokenizer.decode([piece]).strip()

    def first_pieces(self) -> np.ndarray:
        """Ids of the pieces that begin a word."""
        return self.pieces.first_pieces


class MaskedFilling(PieceFilling):
    """Filling by masks; a subclass gives `masked_logits`."""

    @abstractmethod
    def masked_logits(self, ids_RS: Tensor, attend_RS: Tensor, positions_M: Tensor) -> Tensor:
        """Scores of every token at the flat positions, MV."""

    def surprisals(self, texts: Sequence[Words], places: Sequence[int]) -> list[float]:
        """See Filling; pieces of a word from left to right."""
        return self._bits_of_words(texts, places, LEFT_TO_RIGHT)

    @property
    def adds_up_pieces(self) -> bool:
        """Whether a score is a pseudo-log-likelihood, and not another of the model's own."""
        return self.sides == "both" and type(self).scores is Filling.scores

    def whole_word_scores(self, texts: Sequence[Words]) -> list[float]:
        """As `scores`, all pieces of a word hidden at once."""
        found = each_word(texts, lambda t, places: self._bits_of_words(t, places, WHOLE_WORD))
        return [-sum(bits) for bits in found]

    @torch.no_grad()
    def fill(self, text: Words, place: int, num_words: int) -> list[tuple[str, float]]:
        """See Filling."""
        ids, start, end = locate(self, text, place)
        hidden = (*ids[:start], self.mask_piece, *ids[end:])  # one, whatever stands there
        shares_V = self._logits([hidden], [start])[0].softmax(-1)
        best = shares_V.topk(min(num_words, len(shares_V)))
        names = [self.piece_text(int(i)) for i in best.indices]
        return list(zip(names, best.values.tolist(), strict=True))

    @torch.no_grad()
    def _bits_of_words(
        self, texts: Sequence[Words], places: Sequence[int], variant: str
    ) -> list[float]:
        questions: Questions = {}
        for item, (ids, start, end) in enumerate(located(self, texts, places)):
            for n in range(start, end):
                first = start if variant == WHOLE_WORD else n
                hidden = (*ids[:first], *[self.mask_piece] * (end - first), *ids[end:])
                questions.setdefault(hidden, {}).setdefault(n, []).append((ids[n], item))
        found = [0.0] * len(texts)
        rows = list(questions)
        for chosen in of_one_length([len(row) for row in rows], BATCH_PIECES, BATCH_PREDICTIONS):
            batch = [rows[i] for i in chosen]
            for item, bits in self._answers(batch, [questions[row] for row in batch]):
                found[item] += bits
        return found

    def _answers(
        self, rows: Sequence[tuple[int, ...]], asked: Sequence[dict[int, list[tuple[int, int]]]]
    ) -> Iterator[tuple[int, float]]:
        """Item and surprisal of each piece that is asked for."""
        length = len(rows[0])
        at = {r * length + n: of for r, row in enumerate(asked) for n, of in row.items()}
        logits_MV = self._logits(rows, list(at))
        flat = [(m, *one) for m, of in enumerate(at.values()) for one in of]
        m_K, target_K, _ = torch.tensor(flat, device=logits_MV.device).T
        nats_K = logits_MV.logsumexp(-1)[m_K] - logits_MV[m_K, target_K]
        for (_, _, item), nats in zip(flat, nats_K.tolist(), strict=True):
            yield item, nats / math.log(2)

    def _logits(self, rows: Sequence[tuple[int, ...]], positions: Sequence[int]) -> Tensor:
        device = next(self.parameters()).device
        ids_RS = torch.tensor(rows, device=device)
        attend_RS = torch.ones_like(ids_RS, dtype=torch.bool)
        return self.masked_logits(ids_RS, attend_RS, torch.tensor(positions, device=device)).float()


class CausalFilling(PieceFilling):
    """Filling from the left; a subclass gives `causal_logits`."""

    sides: Literal["both", "left", "each"] = "left"
    begin: tuple[int, ...] = ()
    """What stands before each row that is scored, where rows have no beginning of their own."""

    @abstractmethod
    def causal_logits(self, ids_RS: Tensor) -> Tensor:
        """Scores of the token after each position, RSV; nothing to the right is seen."""

    @torch.no_grad()
    def surprisals(self, texts: Sequence[Words], places: Sequence[int]) -> list[float]:
        """See Filling; each row is read once, however many of its words are asked for."""
        rows: dict[tuple[int, ...], int] = {}
        wanted = []
        for ids, start, end in located(self, texts, places):
            wanted.append((rows.setdefault(tuple(ids), len(rows)), start, end))
        bits = self._bits([list(row) for row in rows])
        return [float(bits[row][start:end].sum()) for row, start, end in wanted]

    @torch.no_grad()
    def fill(self, text: Words, place: int, num_words: int) -> list[tuple[str, float]]:
        """See Filling; probabilities are shares among the words that the left side proposes."""
        ids, start, end = locate(self, text, place)
        before = torch.tensor([[*self.begin, *ids[:start]]], device=next(self.parameters()).device)
        next_V = self.causal_logits(before)[0, -1].float()
        begins = self.first_pieces()
        proposed = begins[next_V.cpu()[begins].topk(min(NUM_PROPOSED, len(begins))).indices]
        bits = self._bits([[*ids[:start], int(piece), *ids[end:]] for piece in proposed])
        shares = torch.stack([-b.sum() * math.log(2) for b in bits]).softmax(0)
        best = shares.topk(min(num_words, len(shares)))
        names = [self.piece_text(int(proposed[i])) for i in best.indices]
        return list(zip(names, best.values.tolist(), strict=True))

    def _bits(self, rows: Sequence[list[int]]) -> list[Tensor]:
        """Surprisal of each token of each row given those before it; 0 where none is."""
        found = [torch.zeros(0)] * len(rows)
        device = next(self.parameters()).device
        skipped = len(self.begin)
        whole = [[*self.begin, *row] for row in rows]
        for chosen in of_one_length(
            [len(row) for row in whole], BATCH_PREDICTIONS, BATCH_PREDICTIONS
        ):
            ids_RS = torch.tensor([whole[i] for i in chosen], device=device)
            logits_RSV = self.causal_logits(ids_RS[:, :-1]).float()
            hit_RS = logits_RSV.gather(-1, ids_RS[:, 1:, None])[..., 0]
            bits_RS = (logits_RSV.logsumexp(-1) - hit_RS).cpu() / math.log(2)
            for bits_S, i in zip(F.pad(bits_RS, (1, 0)), chosen, strict=True):
                found[i] = bits_S[skipped:]
        return found
