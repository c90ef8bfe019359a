"""From a file of word vectors to the one table of all static representations.

A reader streams words and vectors into a `Collector`, which refuses what would go wrong silently:
duplicate words, values that are not finite, nothing at all.

Shapes: V words, D dimensions, N words of a block.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from polyseme.config import config
from polyseme.errors import DataError
from polyseme.models.common.table import OOV, Table, read_words, write_words
from polyseme.models.external.common.source import Source
from polyseme.training.options import Positive

Case = Literal["as_is", "lower", "as_is_then_lower"]
BLOCK = 4096
MAX_DIM = 2**16
GENSIM = (
    "python -c \"from gensim.models import KeyedVectors as K; v = K.load('old'); "
    "getattr(v, 'wv', v).save_word2vec_format('new.bin', binary=True)\""
)
"""Turns gensim's own formats, .kv and .model, which are pickles, into word2vec's."""


@config
class Lookup:
    """How a word finds its vector."""

    case: Case = "as_is"
    """Form that is looked up; `as_is_then_lower`: in lower case where the file lacks the word."""
    max_words: Positive | None = None
    """Only so many first words, which are the most frequent in most files; null: all."""
    duplicates: Literal["refuse", "first"] = "refuse"
    """A word that stands twice in the file: refuse the file, or keep the first vector."""


@config
class VectorOptions(Source, Lookup):
    """Values of every format that has a fixed vector for each word."""

    oov: OOV
    """Vector of a word that the file lacks: zero, or the mean of all vectors."""


class CaseNormalizer:
    """The form of a word that is looked up."""

    def __init__(self, case: Case, known: Container[str]) -> None:
        self.case, self.known = case, known

    def normalize(self, word: str, /) -> str:
        """The word, in lower case where `case` says so."""
        if self.case == "as_is" or (self.case == "as_is_then_lower" and word in self.known):
            return word
        return word.lower()


class Collector:
    """Checks words and vectors as they stream by, and keeps the first `max_words`.

    Args:
        path: of the file, for messages.
        unit: what places are counted in: `line` or `word`.
    """

    def __init__(self, path: Path, options: Lookup, unit: str) -> None:
        self.path, self.options, self.unit = path, options, unit
        self._places: dict[str, int] = {}
        self._blocks: list[np.ndarray] = []

    @property
    def room(self) -> float:
        """How many more words are kept."""
        return (self.options.max_words or float("inf")) - len(self._places)

    def add(self, words: Sequence[str], vectors_ND: np.ndarray, places_N: Sequence[int]) -> None:
        """Keep a block.

        Raises:
            DataError: naming the first word that is there twice or empty, or whose vector is not
                finite in float32.
        """
        with np.errstate(over="ignore"):
            vectors_ND = np.asarray(vectors_ND, dtype=np.float32)
        for row in np.flatnonzero(~np.isfinite(vectors_ND).all(1))[:1]:
            raise self.error(
                f"the vector of {words[row]!r} has a value that is not finite", places_N[row]
            )
        chosen = []
        for row, (word, place) in enumerate(zip(words, places_N, strict=True)):
            if self.room < 1:
                break
            if not word:
                raise self.error("is empty", place)
            if word in self._places:
                self._refuse_duplicate(word, place)
            else:
                self._places[word] = place
                chosen.append(row)
        self._blocks.append(vectors_ND[chosen])

    def _refuse_duplicate(self, word: str, place: int) -> None:
        if self.options.duplicates == "refuse":
            first = self._places[word]
            raise self.error(
                f"{word!r} was there before, at {self.unit} {first:,}",
                place,
                mend="set `duplicates: first` to keep the first vector",
            )

    def error(self, what: str, place: int, mend: str = "get the file again") -> DataError:
        """A DataError that names file and place."""
        where = f"{self.path}:{place}" if self.unit == "line" else f"{self.path}: word {place:,}"
        return DataError(what, where=where, mend=mend)

    def finish(self, promised: int | None, found: int) -> tuple[list[str], np.ndarray]:
        """Words and their vectors_VD.

        Args:
            promised: words that the header promises; None where there is no header.
            found: words that the file has.

        Raises:
            DataError: the header lies, or there is nothing.
        """
        if promised is not None and promised != found:
            raise DataError(
                f"its header promises {promised:,} words, it has {found:,}",
                where=self.path,
                mend="it is truncated or damaged: get it again",
            )
        if not self._places:
            raise DataError("holds no vectors", where=self.path, mend="check its format")
        return list(self._places), np.concatenate(self._blocks)


def check_dim(dim: int, path: Path) -> int:
    """Refuse a number of dimensions that no file of vectors has.

    Raises:
        DataError: less than 1 or more than `MAX_DIM`.
    """
    if not 1 <= dim <= MAX_DIM:
        raise DataError(f"{dim:,} dimensions", where=path, mend="check its format")
    return dim


def decode(word: bytes, collector: Collector, place: int) -> str:
    """A word of a binary file.

    Raises:
        DataError: it is empty or no UTF-8.
    """
    try:
        text = word.decode("utf-8")
    except UnicodeDecodeError:
        raise collector.error(f"{word!r} is not UTF-8", place, "convert the file") from None
    if not text:
        raise collector.error("is empty", place)
    return text


def table(words: list[str], vectors_VD: np.ndarray, options: VectorOptions, out: Path) -> Table:
    """The representation; its vocabulary is written into the artifact's folder."""
    write_words(out, words)
    made = Table(words, vectors_VD.shape[1], CaseNormalizer(options.case, ()), options.oov)
    made.normalizer = CaseNormalizer(options.case, made.index)
    return made.set_vectors(vectors_VD)


def restore_table(card: dict[str, Any], folder: Path, options: VectorOptions) -> Table:
    """The table of a card, its vectors still to be loaded."""
    words = read_words(folder)
    return Table(words, card["dim"], CaseNormalizer(options.case, set(words)), options.oov)
