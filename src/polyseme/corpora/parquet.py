"""Parquet files: one document a row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from polyseme.config import config
from polyseme.corpora.base import RawDocument, refuse_nul
from polyseme.data.text import Unit, split_paragraphs
from polyseme.errors import DataError

ROWS = 64


@config
class Config:
    """Options of the reader."""

    text_column: str = "text"
    """Column of the text; null there is an empty document."""
    title_column: str | None = None
    """Column of the title; null: file and row."""
    paragraph: Unit = "line"
    """What separates paragraphs: `line` or `blank_line`."""


def documents(options: Config, path: Path) -> Iterator[RawDocument]:
    """Documents of one file.

    Raises:
        DataError: no Parquet file, damaged, or without the column; names file and row.
    """
    columns = [options.text_column, *([options.title_column] if options.title_column else [])]
    size, row = path.stat().st_size, 0
    try:
        with pq.ParquetFile(path) as file:
            _check_columns(path, file.schema_arrow, columns)
            for batch in file.iter_batches(batch_size=ROWS, columns=columns):
                texts = batch.column(options.text_column).to_pylist()
                titles = batch.column(columns[-1]).to_pylist() if options.title_column else None
                for index, text in enumerate(texts):
                    where = f"{path}: row {row + index}"
                    title = titles[index] if titles else f"{path.name}:{row + index}"
                    position = size * (row + index) // file.metadata.num_rows
                    yield RawDocument(title or "", refuse_nul(text or "", where), position)
                row += len(texts)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise DataError(
            f"no Parquet file, or a damaged one ({reason})", where=path, mend="get it again"
        ) from None


def _check_columns(path: Path, schema: pa.Schema, columns: list[str]) -> None:
    for name in columns:
        if name not in schema.names:
            found = ", ".join(schema.names)
            raise DataError(
                f"no column {name!r}",
                where=path,
                mend=f"name one in reader_options; found: {found}",
            )
        kind = schema.field(name).type
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            raise DataError(f"column {name!r} is {kind}, no text", where=path, mend="cast it")


def clean(options: Config, raw: RawDocument) -> list[str]:
    """Paragraphs of the document."""
    return split_paragraphs(raw.text, options.paragraph)
