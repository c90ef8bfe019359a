"""Cleaned documents on their way: a Parquet file with the text of each in one piece.

Words hold no white space, so a document travels as its words with spaces between them, a sentence
a line. That is several times as fast to hand from process to process, to write and to read as lists
of lists of words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from polyseme.data.documents import Document
from polyseme.data.split import Split

FILE = "spool.parquet"
GROUP_CHARACTERS = 500_000
"""Characters in a row group: what is in memory at once."""
SCHEMA = pa.schema([(name, pa.string()) for name in ("doc_id", "title", "split", "text")])


def pack(sentences: Iterable[list[str]]) -> str:
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

    def unpacked(self) -> Document:
        """The document as its readers have it."""
        return Document(self.doc_id, self.title, self.split, self.sentences)


class SpoolWriter:
    """Write documents in order; use as a context manager."""

    def __init__(self, path: Path) -> None:
        self._writer = pq.ParquetWriter(path, SCHEMA, compression="zstd", use_dictionary=False)
        self._group: list[Packed] = []
        self._characters = 0

    def write(self, document: Packed) -> None:
        """Add one document."""
        self._group.append(document)
        self._characters += len(document.text)
        if self._characters >= GROUP_CHARACTERS:
            self._flush()

    def _flush(self) -> None:
        columns = {name: [getattr(one, name) for one in self._group] for name in SCHEMA.names}
        self._writer.write_table(pa.table(columns, schema=SCHEMA))
        self._group, self._characters = [], 0

    def __enter__(self) -> SpoolWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None and self._group:
            self._flush()
        self._writer.close()


def read(path: Path) -> Iterator[Packed]:
    """Documents of a file, one row group in memory at a time."""
    with pq.ParquetFile(path) as file:
        for index in range(file.num_row_groups):
            columns = file.read_row_group(index).to_pydict()
            for row in zip(*(columns[name] for name in SCHEMA.names), strict=True):
                yield Packed(*row)
