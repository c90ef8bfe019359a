"""Steps of preparation over groups of documents: what a worker makes of a row group.

Words are columns here: they are counted, normalised and encoded once a type and group.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from polyseme.data.documents import Packed, table
from polyseme.data.split import SPLITS, Split
from polyseme.data.tokenizer import CACHED_WORDS, WordPieces
from polyseme.data.tokens import SPECIAL, Encoded, encode
from polyseme.data.words import normalizer

COUNTED = ("documents", "sentences", "words", "bytes")


class Normalizer:
    """Words as the tokenizer normalises them.

    Args:
        lowercase: as the tokenizer has it.
    """

    def __init__(self, *, lowercase: bool) -> None:
        normalize = normalizer(lowercase=lowercase).normalize_str
        self._normalize = lru_cache(CACHED_WORDS)(normalize)
        self._ascii = str.lower if lowercase else str

    def __call__(self, word: str) -> str:
        """One word."""
        return self._ascii(word) if word.isascii() else self._normalize(word)


_normalizer = lru_cache(2)(Normalizer)


def sizes(document: Packed, normalize: Normalizer) -> tuple[int, int, int]:
    """Sentences, words, and bytes of the normalised words with one space each."""
    text = document.text
    num_bytes = len(text) + 1
    if not text.isascii():
        num_bytes = sum(len(normalize(word).encode()) + 1 for word in text.split())
    return document.num_sentences, document.num_words, num_bytes


class Counted(NamedTuple):
    """What a group holds of one split.

    Attributes:
        sums: documents, sentences, words, and bytes of the normalised words with one space each.
        words: how often each normalised word stands there.
    """

    sums: tuple[int, ...]
    words: Mapping[str, int]


@dataclass(frozen=True)
class Selecting:
    """Makes rows of documents.parquet, and counts; picklable, and pure."""

    lowercase: bool

    def __call__(self, group: Sequence[Packed]) -> tuple[pa.Table, dict[Split, Counted]]:
        """Rows and counts of some documents."""
        rows = table(group)
        return rows, count(rows, self.lowercase)


def count(rows: pa.Table, lowercase: bool) -> dict[Split, Counted]:
    """Counts of the splits that have rows."""
    found = {}
    for split in SPLITS:
        part = rows.filter(pc.equal(rows["split"], split))
        if part.num_rows:
            words, lengths_S = _flat(part)
            counts, num_bytes = _counts(words, _normalizer(lowercase=lowercase))
            sums = (part.num_rows, len(lengths_S), len(words), num_bytes)
            found[split] = Counted(sums, counts)
    return found


def _flat(rows: pa.Table) -> tuple[pa.Array, npt.NDArray[Any]]:
    """All words, and the words of each sentence."""
    sentences = rows["sentences"].combine_chunks().flatten()
    return sentences.flatten(), sentences.value_lengths().to_numpy()


def _counts(words: pa.Array, normalize: Normalizer) -> tuple[dict[str, int], int]:
    """How often each normalised word stands there, and their bytes."""
    counts: dict[str, int] = {}
    num_bytes = 0
    types, times = (column.to_pylist() for column in words.value_counts().flatten())
    for word, number in zip(types, times, strict=True):
        normal = normalize(word)
        counts[normal] = counts.get(normal, 0) + number
        num_bytes += number * (len(normal.encode()) + 1)
    return counts, num_bytes


@dataclass(frozen=True)
class Encoding:
    """Encodes groups of documents; picklable, and pure.

    Args:
        path: of tokenizer.json.
    """

    path: Path

    def __call__(self, rows: pa.Table) -> tuple[int, list[tuple[Split, Encoded]]]:
        """Number of documents, and the tokens of those of each split, in order."""
        pieces = WordPieces.load(self.path)
        found = []
        for split in SPLITS:
            part = rows.filter(pc.equal(rows["split"], split))
            if part.num_rows:
                found.append((split, encode(*_flat(part), pieces)))
        return rows.num_rows, found


def document_lengths(encoded: Encoded, sentences_D: Sequence[int]) -> npt.NDArray[np.int64]:
    """Tokens of each document, of the sentences of each."""
    flags = np.frombuffer(encoded.flags, dtype=np.uint8)
    ends_S = np.flatnonzero(flags == SPECIAL)[1::2] + 1
    return np.diff(ends_S[np.cumsum(sentences_D) - 1], prepend=0)
