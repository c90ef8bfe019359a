"""Documents of a prepared corpus: a Parquet file, written and read in bounded groups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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


class DocumentWriter:
    """Write documents in order; use as a context manager."""

    def __init__(self, path: Path) -> None:
        self._writer = pq.ParquetWriter(path, SCHEMA, compression="zstd")
        self._group: list[Document] = []
        self._words = 0

    def write(self, document: Document) -> None:
        """Add one document."""
        self._group.append(document)
        self._words += sum(map(len, document.sentences))
        if self._words >= GROUP_WORDS:
            self._flush()

    def _flush(self) -> None:
        if self._group:
            columns = {
                name: [getattr(document, name) for document in self._group] for name in SCHEMA.names
            }
            self._writer.write_table(pa.table(columns, schema=SCHEMA))
        self._group, self._words = [], 0

    def __enter__(self) -> DocumentWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._flush()
        self._writer.close()


def read(path: Path) -> Iterator[Document]:
    """Documents of a Parquet file, one row group in memory at a time."""
    with pq.ParquetFile(path) as file:
        for index in range(file.num_row_groups):
            columns = file.read_row_group(index).to_pydict()
            for row in zip(*(columns[name] for name in SCHEMA.names), strict=True):
                yield Document(*row)


def sentences(folder: Path, split: Split) -> Iterator[list[str]]:
    """Sentences of one split of a prepared corpus, words in original casing, in order."""
    for document in read(folder / FILE):
        if document.split == split:
            yield from document.sentences
