"""Documents of a prepared corpus: a Parquet file, written and read in bounded groups.

Words hold no white space, so a document travels as its words with spaces between them, a sentence
a line (`Packed`). That is several times as fast to hand from process to process as lists of lists
of words, and becomes columns without ever being such lists.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from polyseme.data.split import Split

FILE = "documents.parquet"
GROUP_WORDS = 100_000
"""Words in a row group: what is in memory at once."""

SCHEMA = pa.schema(
    [
        ("doc_id", pa.string()),
        ("title", pa.string()),
        ("split", pa.string()),
        ("sentences", pa.list_(pa.list_(pa.string()))),
    ]
)


@dataclass(frozen=True, slots=True)
class Document:
    """One document; its words are in their original casing."""

    doc_id: str
    title: str
    split: Split
    sentences: list[list[str]]


def pack(sentences: Iterable[Sequence[str]]) -> str:
    """Sentences of words in one piece."""
    return "\n".join(map(" ".join, sentences))


def unpack(text: str) -> list[list[str]]:
    """The sentences of words again."""
    return [line.split(" ") for line in text.split("\n")] if text else []


@dataclass(frozen=True, slots=True)
class Packed:
    """A document with its text in one piece."""

    doc_id: str
    title: str
    split: Split
    text: str

    @property
    def sentences(self) -> list[list[str]]:
        """Sentences of words."""
        return unpack(self.text)

    @property
    def num_sentences(self) -> int:
        """Sentences; each has a word."""
        return self.text.count("\n") + 1 if self.text else 0

    @property
    def num_words(self) -> int:
        """Words of all sentences."""
        return self.text.count(" ") + self.text.count("\n") + 1 if self.text else 0

    @classmethod
    def of(cls, document: Document) -> Packed:
        """The document, packed."""
        return cls(document.doc_id, document.title, document.split, pack(document.sentences))


def grouped(found: Iterable[Packed]) -> Iterator[list[Packed]]:
    """Documents of one row group after the other."""
    group: list[Packed] = []
    num_words = 0
    for one in found:
        group.append(one)
        num_words += one.num_words
        if num_words >= GROUP_WORDS:
            yield group
            group, num_words = [], 0
    if group:
        yield group


def table(group: Sequence[Packed]) -> pa.Table:
    """Rows of SCHEMA."""
    texts = [one.text for one in group if one.text]
    lines = "\n".join(texts).split("\n") if texts else []
    words = " ".join(lines).split(" ") if texts else []
    sentences = pa.ListArray.from_arrays(
        _offsets([line.count(" ") + 1 for line in lines]), pa.array(words, pa.string())
    )
    numbers = [one.num_sentences for one in group]
    columns = {
        name: pa.array([getattr(one, name) for one in group], pa.string())
        for name in SCHEMA.names[:3]
    }
    columns["sentences"] = pa.ListArray.from_arrays(_offsets(numbers), sentences)
    return pa.table(columns, schema=SCHEMA)


def _offsets(lengths: Sequence[int]) -> pa.Array:
    return pa.array(np.cumsum([0, *lengths], dtype=np.int32))


class DocumentWriter:
    """Write documents in order; use as a context manager."""

    def __init__(self, path: Path) -> None:
        self._writer = pq.ParquetWriter(path, SCHEMA, compression="zstd")

    def write_all(self, found: Iterable[Packed]) -> None:
        """Add documents; those of a row group are in memory at once."""
        for group in grouped(found):
            self.write_group(table(group))

    def write_group(self, rows: pa.Table) -> None:
        """Add the rows of one group."""
        self._writer.write_table(rows)

    def __enter__(self) -> DocumentWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()


def read_groups(path: Path, columns: Sequence[str] = SCHEMA.names) -> Iterator[pa.Table]:
    """Some columns of a Parquet file, one row group in memory at a time."""
    with pq.ParquetFile(path) as file:
        for index in range(file.num_row_groups):
            yield file.read_row_group(index, columns=list(columns))


def read(path: Path) -> Iterator[Document]:
    """Documents of a Parquet file, one row group in memory at a time."""
    for rows in read_groups(path):
        columns = rows.to_pydict()
        for row in zip(*(columns[name] for name in SCHEMA.names), strict=True):
            yield Document(*row)


def sentences(folder: Path, split: Split) -> Iterator[list[str]]:
    """Sentences of one split of a prepared corpus, words in original casing, in order."""
    for document in read(folder / FILE):
        if document.split == split:
            yield from document.sentences
