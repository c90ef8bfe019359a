"""A table that spells unknown words from character n-grams (Bojanowski et al. 2017, section 3.2).

A known word has its row. An unknown one has the mean of the vectors of its n-grams, each found in
one of K buckets by fastText's hash (gensim's implementation of it).

Shapes: B sentences, T words, U unknown words of a batch, P n-grams of those, K buckets, D
dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from gensim.models.fasttext import ft_ngram_hashes
from torch import Tensor, nn

from polyseme.models.base import WordBatch, Words
from polyseme.models.common.table import Normalizer, Table

CACHED_WORDS = 2**16


class SubwordTable(Table):
    """A lookup table with n-grams for the words that it lacks.

    Args:
        words, dim, normalizer: as in `Table`.
        min_n, max_n: characters of an n-gram; `<` and `>` around the word count.
        num_buckets: K.
    """

    def __init__(
        self,
        words: Sequence[str],
        dim: int,
        normalizer: Normalizer,
        *,
        min_n: int,
        max_n: int,
        num_buckets: int,
    ) -> None:
        super().__init__(words, dim, normalizer, "zero")
        self.min_n, self.max_n, self.num_buckets = min_n, max_n, num_buckets
        self.buckets = nn.Embedding(num_buckets, dim)
        self.ngrams = lru_cache(CACHED_WORDS)(self._ngrams)

    def set_buckets(self, vectors_KD: np.ndarray) -> SubwordTable:
        """Fill the n-gram vectors; returns self."""
        with torch.no_grad():
            self.buckets.weight.copy_(torch.from_numpy(np.asarray(vectors_KD, dtype=np.float32)))
        return self

    def _ngrams(self, word: str) -> list[int]:
        """Buckets of a word's n-grams."""
        return list(ft_ngram_hashes(word, self.min_n, self.max_n, self.num_buckets))

    def knows(self, word: str) -> bool:
        """Whether the word has a row or at least one n-gram."""
        return super().knows(word) or bool(self.ngrams(self.normalizer.normalize(word)))

    def prepare(self, sentences: Sequence[Words]) -> WordBatch:
        """Rows of the table, and n-grams of the words that it lacks."""
        batch = super().prepare(sentences)
        unknown_BT = (batch.inputs["rows_BT"] == len(self.words)) & batch.inputs["words_BT"]
        slots, sizes, grams = [], [], []
        for b, t in unknown_BT.nonzero().tolist():
            found = self.ngrams(self.normalizer.normalize(sentences[b][t]))
            if found:
                slots.append(b * unknown_BT.shape[1] + t)
                sizes.append(len(found))
                grams += found
        inputs = {
            "slots_U": torch.tensor(slots, dtype=torch.long),
            "sizes_U": torch.tensor(sizes, dtype=torch.long),
            "grams_P": torch.tensor(grams, dtype=torch.long),
        }
        return WordBatch(batch.lengths_B, batch.inputs | inputs)

    def forward(self, batch: WordBatch) -> Tensor:
        """Vectors h_1BTD."""
        h_1BTD = super().forward(batch)
        slots_U, sizes_U = batch.inputs["slots_U"], batch.inputs["sizes_U"]
        word_of_P = torch.repeat_interleave(torch.arange(len(slots_U)).to(slots_U), sizes_U)
        sums_UD = h_1BTD.new_zeros(len(slots_U), self.dim)
        sums_UD = sums_UD.index_add(0, word_of_P, self.buckets(batch.inputs["grams_P"]))
        flat_ND = h_1BTD.reshape(-1, self.dim)
        return flat_ND.index_add(0, slots_U, sums_UD / sizes_U[:, None]).view_as(h_1BTD)

    def reset(self, seed: int) -> None:
        """Random vectors of words and n-grams, of the expected length of trained ones."""
        super().reset(seed)
        generator = torch.Generator().manual_seed(seed + 1)
        rows_KD = torch.randn(self.num_buckets, self.dim, generator=generator)
        self.set_buckets((rows_KD / self.dim**0.5).numpy())
