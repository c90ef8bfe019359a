"""fastText's own binary format (.bin), with n-gram vectors for unknown words.

A strict reader of our own: gensim's reads for ever when the file ends inside a word, and replaces
words that are not UTF-8. Hashes and composition are those of gensim, which tests hold it to. Only
the input vectors are kept, mapped from the file while they are read.

Layout: signature, arguments, dictionary, input matrix (V words, then K buckets), output matrix.
Refused: classifiers, quantised and pruned models.

Shapes: V words, K buckets, D dimensions, P n-grams of a block of words.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

import numpy as np
from gensim.models.fasttext import ft_ngram_hashes

from polyseme.config import build, config
from polyseme.errors import DataError
from polyseme.models.common.subwords import SubwordTable
from polyseme.models.common.table import Table, read_words, write_words
from polyseme.models.external.common import vectors
from polyseme.models.external.common.source import Bring, Source, locate, refuse_pickle

MAGIC = 793712314
VERSIONS = (11, 12)
MAX_WORD = 2**14
FLOAT = np.dtype("<f4")
ENTRY = struct.calcsize("<qb")
"""Count and type after each word."""
CHUNK = 2**20
HEADER = "ngrams.json"
AGAIN = "get the file again"


@config
class Config(Source, vectors.Lookup):
    """Values of an item of conf/external with `module: fasttext_binary`."""

    oov: Literal["ngrams", "zero", "mean"]
    """Vector of an unknown word: the mean of its n-grams, zero, or the mean of all vectors."""


class _Header(NamedTuple):
    """Sizes that the file states."""

    dim: int
    num_buckets: int
    min_n: int
    max_n: int
    num_words: int

    @property
    def has_ngrams(self) -> bool:
        """Whether unknown words can be spelled."""
        return self.num_buckets > 0 and self.max_n > 0


def read(options: Config, bring: Bring, out: Path) -> Table:
    """The table of the file.

    Raises:
        DataError: it is truncated, no word vectors, or has a word that cannot be used.
        IntegrityError: other bytes than promised.
    """
    path = locate(options, bring)
    refuse_pickle(path, vectors.GENSIM)
    with path.open("rb") as stream:
        file = _File(stream, path)
        header = _header(file)
        collector = vectors.Collector(path, options, "word")
        words = _words(file, header.num_words, collector)
        input_ND = _input(file, header)
    if options.oov == "ngrams" and not header.has_ngrams:
        raise DataError("has no n-grams", where=path, mend="set `oov` to zero or mean")
    kept, vectors_VD = _collected(words, input_ND, header, collector)
    write_words(out, kept)
    (out / HEADER).write_text(json.dumps(header._asdict(), indent=1, sort_keys=True) + "\n")
    made = _build(kept, header, options).set_vectors(vectors_VD)
    if isinstance(made, SubwordTable):
        grams_KD = input_ND[header.num_words :]
        if not np.isfinite(grams_KD).all():
            raise DataError("an n-gram vector is not finite", where=path, mend=AGAIN)
        made.set_ngrams(grams_KD)
    return made


def _build(words: list[str], header: _Header, options: Config) -> Table:
    """The table without its values."""
    normalizer = vectors.CaseNormalizer(options.case, set(words))
    if options.oov != "ngrams":
        return Table(words, header.dim, normalizer, options.oov)
    return SubwordTable(
        words,
        header.dim,
        normalizer,
        min_n=header.min_n,
        max_n=header.max_n,
        buckets=header.num_buckets,
    )


class _File:
    """A binary file whose end is noticed."""

    def __init__(self, stream: BinaryIO, path: Path) -> None:
        self.stream, self.path = stream, path
        self.size = path.stat().st_size

    def take(self, layout: str) -> tuple[Any, ...]:
        """Values of a little-endian layout."""
        data = self.stream.read(struct.calcsize(f"<{layout}"))
        if len(data) < struct.calcsize(f"<{layout}"):
            raise self.truncated()
        return struct.unpack(f"<{layout}", data)

    def matrix(self) -> tuple[int, int, int]:
        """Offset, rows and columns of the float matrix that begins here; skips it."""
        (quantised,) = self.take("?")
        if quantised:
            raise self.refused("is quantised (.ftz)", "use the full .bin")
        rows, columns = self.take("2q")
        offset = self.stream.tell()
        if rows < 0 or columns < 0 or offset + rows * columns * FLOAT.itemsize > self.size:
            raise self.truncated()
        self.stream.seek(rows * columns * FLOAT.itemsize, 1)
        return offset, rows, columns

    def truncated(self) -> DataError:
        """The file ends too early."""
        return self.refused(f"is truncated after {self.size:,} bytes", AGAIN)

    def refused(self, what: str, mend: str) -> DataError:
        """A DataError about the file."""
        return DataError(what, where=self.path, mend=mend)


def _header(file: _File) -> _Header:
    """Signature, arguments and sizes of the dictionary."""
    magic, version = file.take("2i")
    if magic != MAGIC or version not in VERSIONS:
        mend = "for text (.vec) use `module: text_vectors`, for word2vec's `binary_vectors`"
        raise file.refused("is no fastText model of version 11 or 12", mend)
    dim, *_, num_buckets, min_n, max_n, _, _ = file.take("12id")
    num_entries, num_words, num_labels, _, num_pruned = file.take("3i2q")
    if num_labels or num_entries != num_words:
        raise file.refused("is a classifier", "use word vectors (skipgram or cbow)")
    if num_pruned > 0:
        raise file.refused("is pruned", "use the full .bin")
    if num_words < 1 or num_buckets < 0 or min(min_n, max_n) < 0:
        raise file.refused("has impossible sizes in its header", AGAIN)
    return _Header(vectors.check_dim(dim, file.path), num_buckets, min_n, max_n, num_words)


def _words(file: _File, num_words: int, collector: vectors.Collector) -> list[str]:
    """The dictionary; counts are skipped."""
    words: list[str] = []
    buffer, at = b"", 0
    while len(words) < num_words:
        end = buffer.find(b"\0", at)
        if end >= 0 and len(buffer) - end > ENTRY:
            words.append(vectors.decode(buffer[at:end], collector, len(words) + 1))
            at = end + 1 + ENTRY
            continue
        more = file.stream.read(CHUNK)
        if not more or (end < 0 and len(buffer) - at > MAX_WORD):
            raise file.truncated()
        buffer, at = buffer[at:] + more, 0
    file.stream.seek(at - len(buffer), 1)
    return words


def _input(file: _File, header: _Header) -> np.ndarray:
    """Vectors of words and buckets, mapped from the file; the output matrix is only measured."""
    offset, rows, columns = file.matrix()
    expected = (header.num_words + header.num_buckets, header.dim)
    if (rows, columns) != expected:
        what = f"holds {rows:,} x {columns:,} values, its header promises {expected[0]:,} x "
        raise file.refused(f"{what}{expected[1]:,}", AGAIN)
    file.matrix()
    if file.stream.tell() != file.size:
        raise file.refused("has more bytes than its header promises", AGAIN)
    return np.memmap(file.path, dtype=FLOAT, mode="c", offset=offset, shape=(rows, columns))


def _collected(
    words: list[str], input_ND: np.ndarray, header: _Header, collector: vectors.Collector
) -> tuple[list[str], np.ndarray]:
    """Words and composed vectors_VD, as many as are wanted."""
    grams_KD = input_ND[header.num_words :]
    for start in range(0, len(words), vectors.BLOCK):
        block = words[start : start + vectors.BLOCK]
        composed_VD = _composed(block, input_ND[start : start + len(block)], grams_KD, header)
        collector.add(block, composed_VD, range(start + 1, start + len(block) + 1))
        if collector.room < 1:
            break
    return collector.finish(None, header.num_words)


def _composed(
    words: list[str], own_VD: np.ndarray, grams_KD: np.ndarray, header: _Header
) -> np.ndarray:
    """Mean of a word's own vector and those of its n-grams."""
    sums_VD = np.array(own_VD, dtype=np.float32)
    if not header.has_ngrams:
        return sums_VD
    grams = [ft_ngram_hashes(w, header.min_n, header.max_n, header.num_buckets) for w in words]
    sizes_V = np.array([len(found) for found in grams])
    flat_P = np.array([bucket for found in grams for bucket in found], dtype=np.int64)
    some_V = sizes_V > 0
    starts_V = np.cumsum(sizes_V) - sizes_V
    if some_V.any():
        sums_VD[some_V] += np.add.reduceat(grams_KD[flat_P], starts_V[some_V])
    mean_VD: np.ndarray = sums_VD / (sizes_V[:, None] + 1).astype(np.float32)
    return mean_VD


def restore(card: dict[str, Any], folder: Path) -> Table:
    """The table of a card, its vectors still to be loaded."""
    options = build(Config, card["config"], file=str(folder))
    header = _Header(**json.loads((folder / HEADER).read_text()))
    return _build(read_words(folder), header, options)
