"""A table that spells unknown words: the mean of their character n-grams (fastText)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from gensim.models.fasttext import ft_ngram_hashes
from torch import Tensor, nn

from polyseme.data.tokenizer import CACHED_WORDS
from polyseme.models.base import MARKS, WordBatch, Words
from polyseme.models.common.table import Normalizer, Table


class SubwordTable(Table):
    """A lookup table beside a table of hashed n-grams (Bojanowski et al. 2017, section 3.2).

    Known words are looked up: their vectors hold their n-grams already. A word without any n-gram
    has the vector zero.

    Args:
        words: known word types, normalised as their corpus.
        dim: dimensions.
        normalizer: what is done to a word before it is looked up.
        min_n: characters of the shortest n-gram, the marks of begin and end of the word counted.
        max_n: characters of the longest.
        buckets: rows of the table of n-grams, into which their hashes fall.
    """

    def __init__(
        self,
        words: Sequence[str],
        dim: int,
        normalizer: Normalizer,
        *,
        min_n: int,
        max_n: int,
        buckets: int,
    ) -> None:
        super().__init__(words, dim, normalizer, "zero")
        self.min_n, self.max_n = min_n, max_n
        self.ngrams = nn.Embedding(buckets, dim)
        self._rows = lru_cache(CACHED_WORDS)(self._hashed)

    def _hashed(self, word: str) -> tuple[int, ...]:
        """Rows of the n-grams of a normalised word."""
        buckets = self.ngrams.num_embeddings
        return tuple(ft_ngram_hashes(word, self.min_n, self.max_n, buckets))

    def set_ngrams(self, vectors_GD: np.ndarray) -> SubwordTable:
        """Fill the table of n-grams; returns self."""
        with torch.no_grad():
            self.ngrams.weight.copy_(torch.from_numpy(vectors_GD))
        return self

    def knows(self, word: str) -> bool:
        """Whether the word has a vector: every word does that has an n-gram."""
        return super().knows(word) or bool(self._rows(self.normalizer.normalize(word)))

    def prepare(self, sentences: Sequence[Words]) -> WordBatch:
        """Rows of the table; of unknown words their places U in B x T, and their n-grams K."""
        batch = super().prepare(sentences)
        longest = batch.inputs["rows_BT"].shape[1]
        places: list[int] = []
        found: list[tuple[int, ...]] = []
        for b, sentence in enumerate(sentences):
            for t, word in enumerate(sentence):
                normal = self.normalizer.normalize(word)
                if normal not in self.index and word not in MARKS and (rows := self._rows(normal)):
                    places.append(b * longest + t)
                    found.append(rows)
        starts = np.cumsum([0, *map(len, found)])[: len(found)]
        batch.inputs["places_U"] = torch.tensor(places, dtype=torch.long)
        batch.inputs["starts_U"] = torch.from_numpy(starts)
        batch.inputs["ngrams_K"] = torch.tensor([r for rows in found for r in rows]).long()
        return batch

    def forward(self, batch: WordBatch) -> Tensor:
        """Vectors h_1BTD."""
        h_1BTD = super().forward(batch)
        if not len(batch.inputs["places_U"]):
            return h_1BTD
        means_UD = F.embedding_bag(
            batch.inputs["ngrams_K"], self.ngrams.weight, batch.inputs["starts_U"], mode="mean"
        )
        flat_ND = h_1BTD.reshape(-1, self.dim)
        return flat_ND.index_copy(0, batch.inputs["places_U"], means_UD).view(h_1BTD.shape)

    def reset(self, seed: int) -> None:
        """Random vectors of types, and of n-grams, of the expected length of trained ones."""
        super().reset(seed)
        generator = torch.Generator().manual_seed(seed + 1)
        rows_GD = torch.randn(self.ngrams.weight.shape, generator=generator)
        self.set_ngrams((rows_GD / self.dim**0.5).numpy())
