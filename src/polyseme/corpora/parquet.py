"""Parquet files: one document a row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pyarrow as pa
import pyarrow.parquet as pq

from polyseme.config import config
from polyseme.corpora.base import RawDocument, refuse_nul
from polyseme.data.text import Unit, split_paragraphs
from polyseme.errors import DataError

ROWS = 64
TEXTS = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)


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
                texts = _strings(batch.column(options.text_column), path, row)
                titles = (
                    _strings(batch.column(columns[-1]), path, row) if options.title_column else None
                )
                for index, text in enumerate(texts):
                    where = f"{path}: row {row + index}"
                    title = titles[index] if titles else f"{path.name}:{row + index}"
                    position = size * (row + index) // file.metadata.num_rows
                    yield RawDocument(title or "", refuse_nul(text or "", where), position)
                row += len(texts)
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())
        raise DataError(
            f"no Parquet file, or a damaged one ({reason})", where=path, mend="get it again"
        ) from None


def _strings(column: pa.Array, path: Path, row: int) -> list[str | None]:
    """Values of a column whose first one is `row` of the file."""
    try:
        return cast(list[str | None], column.to_pylist())
    except UnicodeDecodeError:
        pass
    for index, value in enumerate(column):
        try:
            value.as_py()
        except UnicodeDecodeError as error:
            raise DataError(
                f"not UTF-8: byte 0x{error.object[error.start]:02x} at {error.start} of its text",
                where=f"{path}: row {row + index}",
                mend="write the column anew as UTF-8 strings",
            ) from None
    raise DataError("text that is not UTF-8", where=f"{path}: row {row}", mend="write it anew")


def _check_columns(path: Path, schema: pa.Schema, columns: list[str]) -> None:
    for name in columns:
        if name not in schema.names:
            found = ", ".join(schema.names)
            raise DataError(
                f"no column {name!r}",
                where=path,
                mend=f"name one in reader_options; found: {found}",
            )
        if schema.names.count(name) > 1:
            raise DataError(f"column {name!r} stands there twice", where=path, mend="rename one")
        kind = schema.field(name).type
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        if not any(is_text(kind) for is_text in TEXTS):
            raise DataError(f"column {name!r} is {kind}, no text", where=path, mend="cast it")


def clean(options: Config, raw: RawDocument) -> list[str]:
    """Paragraphs of the document."""
    return split_paragraphs(raw.text, options.paragraph)
