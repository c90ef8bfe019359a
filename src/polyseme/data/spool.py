"""Cleaned documents on their way: a Parquet file with the text of each in one piece."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from polyseme.data.documents import Packed

FILE = "spool.parquet"
GROUP_CHARACTERS = 500_000
"""Characters in a row group: what is in memory at once."""
SCHEMA = pa.schema([(name, pa.string()) for name in ("doc_id", "title", "split", "text")])


class SpoolWriter:
    """Write documents in order; use as a context manager."""

    def __init__(self, path: Path) -> None:
        self._writer = pq.ParquetWriter(path, SCHEMA, compression="lz4", use_dictionary=False)
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
