"""From subword states of a language model to word vectors.

A sentence becomes one or more rows `[CLS] pieces [SEP]`: one that is longer than the network's
maximum is cut between words into rows that are encoded apart. Sentences of one text share a row,
as they do in pre-training: `[CLS] pieces [SEP] [CLS] pieces [SEP]`; another text begins another
row. Each word's vector is the first, the last or the mean of its pieces' states: a declared
factor, not a hidden default.

Shapes: R rows, S subwords, N words in the batch, P pieces in the batch, B x T words of sentences.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor

from polyseme.data.tokenizer import CLS, PAD, SEP, WordPieces
from polyseme.models.base import MARKS, SENTENCE, Representation, WordBatch, Words

Pooling = Literal["first", "last", "mean"]


class SubwordRows(Representation):
    """Words from the states of their pieces; a subclass gives `_rows` and `hidden_states`."""

    family: ClassVar[str] = "contextual"

    def __init__(self, *, max_length: int, pooling: Pooling) -> None:
        super().__init__()
        self.max_length, self.pooling = max_length, pooling

    @abstractmethod
    def hidden_states(self, ids_RS: Tensor, attend_RS: Tensor | None) -> list[Tensor]:
        """L states h_RSD."""

    def prepare(self, sentences: Sequence[Words]) -> WordBatch:
        """Rows of subword ids, and where each word's pieces are in them."""
        rows: list[list[int]] = []
        spans: list[tuple[int, int, int]] = []  # row, first piece, one past the last
        slots: list[int] = []  # b * T + t of each word
        longest = max(len(s) for s in sentences)
        for b, sentence in enumerate(sentences):
            slots += [b * longest + t for t, word in enumerate(sentence) if word not in MARKS]
            for row, row_spans in self._rows(sentence):
                spans += [(len(rows), start, end) for start, end in row_spans]
                rows.append(row)
        return WordBatch(torch.tensor([len(s) for s in sentences]), _tensors(rows, spans, slots))

    def window(self, sentence: Words) -> int:
        """Words of the first row."""
        _, spans = next(iter(self._rows(sentence)))
        return len(spans)

    @abstractmethod
    def _rows(self, sentence: Words) -> Iterator[tuple[list[int], list[tuple[int, int]]]]:
        """Rows of ids that fit, and first and end of each word's pieces; no word without one."""

    def forward(self, batch: WordBatch) -> Tensor:
        """Word vectors h_LBTD."""
        inputs = batch.inputs
        attend_RS = inputs["attend_RS"]
        states = self.hidden_states(inputs["ids_RS"], None if attend_RS.all() else attend_RS)
        num_words, longest = len(inputs["slots_N"]), batch.mask_BT.shape[1]
        out = states[0].new_zeros(len(states), len(batch.lengths_B) * longest, self.dim)
        words = [self._pool(h.reshape(-1, self.dim), inputs, num_words) for h in states]
        out[:, inputs["slots_N"]] = torch.stack(words).to(out.dtype)
        return out.view(len(states), len(batch.lengths_B), longest, self.dim)

    def _pool(self, h_PD: Tensor, inputs: dict[str, Tensor], num_words: int) -> Tensor:
        """Word vectors h_ND from the states of all positions."""
        if self.pooling != "mean":
            return h_PD[inputs[f"{self.pooling}_N"]]
        sums_ND = h_PD.new_zeros(num_words, self.dim)
        sums_ND = sums_ND.index_add(0, inputs["word_of_P"], h_PD[inputs["piece_P"]])
        return sums_ND / inputs["size_N"][:, None]


class Contextual(SubwordRows):
    """Base of all language models that read the corpus's own pieces."""

    def __init__(self, pieces: WordPieces, *, max_length: int, pooling: Pooling) -> None:
        super().__init__(max_length=max_length, pooling=pooling)
        self.pieces = pieces

    def _rows(self, sentence: Words) -> Iterator[tuple[list[int], list[tuple[int, int]]]]:
        """Cut a sentence between words into rows that fit; a longer word loses its end."""
        row = [CLS]
        spans: list[tuple[int, int]] = []
        for word in sentence:
            if word == SENTENCE and len(row) + 3 < self.max_length:
                row += [SEP, CLS]
            elif word in MARKS:
                yield [*row, SEP], spans
                row, spans = [CLS], []
            if word in MARKS:
                continue
            ids = self.pieces.ids(word)[: self.max_length - 2]
            if len(row) + len(ids) + 1 > self.max_length:
                yield [*row, SEP], spans
                row, spans = [CLS], []
            spans.append((len(row), len(row) + len(ids)))
            row += ids
        yield [*row, SEP], spans


def _tensors(
    rows: list[list[int]], spans: list[tuple[int, int, int]], slots: list[int]
) -> dict[str, Tensor]:
    length = max(len(row) for row in rows)
    padded = [row + [PAD] * (length - len(row)) for row in rows]
    lengths_R = torch.tensor([len(row) for row in rows])
    bounds = torch.tensor(spans)
    first_N, end_N = bounds[:, 0] * length + bounds[:, 1], bounds[:, 0] * length + bounds[:, 2]
    size_N = end_N - first_N
    word_of_P = torch.repeat_interleave(torch.arange(len(spans)), size_N)
    starts_P = torch.repeat_interleave(first_N - (size_N.cumsum(0) - size_N), size_N)
    return {
        "ids_RS": torch.tensor(padded),
        "attend_RS": torch.arange(length) < lengths_R[:, None],
        "slots_N": torch.tensor(slots),
        "first_N": first_N,
        "last_N": end_N - 1,
        "size_N": size_N,
        "word_of_P": word_of_P,
        "piece_P": starts_P + torch.arange(len(word_of_P)),
    }
