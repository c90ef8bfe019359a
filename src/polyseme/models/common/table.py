"""Static representations: one vector a word type, looked up in a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Literal, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor, nn

from polyseme.data.tokenizer import CACHED_WORDS, WordPieces
from polyseme.models.base import MARKS, Representation, WordBatch, Words
from polyseme.runtime.manifest import canonical

VOCABULARY = "words.parquet"
OOV = Literal["zero", "mean"]


class Normalizer(Protocol):
    """The part of a tokenizer that a table needs."""

    def normalize(self, word: str, /) -> str:
        """The form under which the word is looked up."""
        ...


class Table(Representation):
    """A lookup table; the last row is the vector of unknown words.

    Args:
        words: known word types, normalised as their corpus.
        dim: dimensions.
        normalizer: what is done to a word before it is looked up.
        oov: vector of an unknown word: zero, or the mean of all vectors.

    Attributes:
        costs: counts of what training it took besides running words; they go to the run record.
    """

    family: ClassVar[str] = "static"
    num_layers = 1
    pooling = None

    def __init__(self, words: Sequence[str], dim: int, normalizer: Normalizer, oov: OOV) -> None:
        super().__init__()
        self.words, self.dim, self.oov = list(words), dim, oov
        self.index = {word: row for row, word in enumerate(self.words)}
        self.normalizer = normalizer
        self._row = lru_cache(CACHED_WORDS)(self._look_up)
        self.table = nn.Embedding(len(self.words) + 1, dim)
        self.costs: Mapping[str, int] = {}

    def set_vectors(self, vectors_VD: np.ndarray) -> Table:
        """Fill the table; returns self."""
        rows = torch.from_numpy(np.ascontiguousarray(vectors_VD, dtype=np.float32))
        unknown = rows.mean(0, keepdim=True) if self.oov == "mean" else rows.new_zeros(1, self.dim)
        with torch.no_grad():
            self.table.weight.copy_(torch.cat([rows, unknown]))
        return self

    def knows(self, word: str) -> bool:
        """Whether the word has a vector of its own."""
        return self.normalizer.normalize(word) in self.index

    def _look_up(self, word: str) -> int:
        return self.index.get(self.normalizer.normalize(word), len(self.words))

    def prepare(self, sentences: Sequence[Words]) -> WordBatch:
        """Rows of the table, padded with the row of unknown words."""
        lengths_B = torch.tensor([len(s) for s in sentences])
        longest, unknown = int(lengths_B.max()), len(self.words)
        rows_BT = torch.tensor(
            [[*map(self._row, s), *[unknown] * (longest - len(s))] for s in sentences]
        )
        words_BT = torch.tensor(
            [[*(w not in MARKS for w in s), *[False] * (longest - len(s))] for s in sentences]
        )
        return WordBatch(lengths_B, {"rows_BT": rows_BT, "words_BT": words_BT})

    def forward(self, batch: WordBatch) -> Tensor:
        """Vectors h_1BTD."""
        h_BTD = self.table(batch.inputs["rows_BT"]) * batch.inputs["words_BT"][..., None]
        return h_BTD[None]

    def untrained_key(self) -> str | None:
        """Words, dimensions and tokenizer: two tables of these are one where nothing is learned."""
        if type(self) is not Table or not isinstance(self.normalizer, WordPieces):
            return None
        return canonical([self.words, self.dim, self.oov, self.normalizer.tokenizer.to_str()])

    def reset(self, seed: int) -> None:
        """Random type vectors of the expected length of trained ones."""
        generator = torch.Generator().manual_seed(seed)
        rows_VD = torch.randn(len(self.words), self.dim, generator=generator)
        self.set_vectors((rows_VD / self.dim**0.5).numpy())


def write_words(folder: Path, words: Sequence[str]) -> None:
    """Write the vocabulary beside the weights."""
    pq.write_table(pa.table({"word": pa.array(words, pa.string())}), folder / VOCABULARY)


def read_words(folder: Path) -> list[str]:
    """Vocabulary in row order."""
    words: list[str] = pq.read_table(folder / VOCABULARY)["word"].to_pylist()
    return words
