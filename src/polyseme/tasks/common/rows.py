"""Rows of a file by columns: CSV and TSV through the standard library's csv, or JSON lines.

Each row comes with the line that it begins in, so that whoever refuses it can name the place.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from polyseme.data.streams import Encoding, open_text, read_lines
from polyseme.errors import DataError
from polyseme.tasks.common.lines import json_value
from polyseme.tasks.common.texts import MAX_LINE

MAX_SHOWN = 60
Column = str | int
"""Its name in the header, or its number from 1 where there is none."""


class Row(NamedTuple):
    """The wanted columns of a row.

    Attributes:
        where: file and line, for messages.
    """

    where: str
    fields: list[Any]


def delimited(
    path: Path,
    columns: Sequence[Column],
    *,
    header: bool,
    delimiter: str,
    quoted: bool,
    encoding: Encoding,
) -> Iterator[Row]:
    """Rows of a CSV or TSV file; blank lines are left out.

    Args:
        quoted: whether quotes set fields apart that hold the delimiter, a quote or a new line.

    Raises:
        DataError: a column is missing, a row has more or fewer fields than the first, or a quote
            does not end.
    """
    places: list[int] | None = None
    width = 0
    for where, fields in _fields(path, delimiter=delimiter, quoted=quoted, encoding=encoding):
        if places is None:
            places = _places(fields, columns, header=header, where=where)
            width = len(fields)
            if header:
                continue
        if len(fields) != width:
            raise DataError(
                f"has {len(fields)} columns, not {width}",
                where=where,
                mend="check `delimiter` and `quoted` in its conf file, or quote the field",
            )
        yield Row(where, [fields[place] for place in places])


def _fields(
    path: Path, *, delimiter: str, quoted: bool, encoding: Encoding
) -> Iterator[tuple[str, list[str]]]:
    """Fields of each row, with the place where it begins."""
    csv.field_size_limit(MAX_LINE)  # a long document has more than the default of 131,072
    text, _ = open_text(path, encoding=encoding)
    style: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    with text:
        lines = (f"{line}\n" for _, line in read_lines(text, where=path, max_characters=MAX_LINE))
        reader = csv.reader(lines, delimiter=delimiter, quoting=style, strict=True)
        while True:
            where = f"{path}:{reader.line_num + 1}"
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                mend = "end the quote, or set `quoted: false` in its conf file"
                raise DataError(f"is no row ({error})", where=where, mend=mend) from None
            if fields:
                yield where, fields


def _places(fields: list[str], columns: Sequence[Column], *, header: bool, where: str) -> list[int]:
    """Where the columns stand in the first row."""
    names: list[Column] = [*fields] if header else [*range(1, len(fields) + 1)]
    for column in columns:
        if (number := names.count(column)) != 1:
            known = ", ".join(map(repr, names))[: 4 * MAX_SHOWN]
            raise DataError(
                f"has {number or 'no'} column{'s' if number else ''} {column!r}",
                where=where,
                mend=f"name one of {known} in its conf file, or set `header` or `delimiter` there",
            )
    return [names.index(column) for column in columns]


def json_lines(path: Path, columns: Sequence[Column], *, encoding: Encoding) -> Iterator[Row]:
    """Rows of a file with a JSON object on each line; blank lines are left out.

    Raises:
        DataError: a line is no object, or lacks a column.
    """
    text, _ = open_text(path, encoding=encoding)
    with text:
        for number, line in read_lines(text, where=path, max_characters=MAX_LINE):
            if not line.strip():
                continue
            where = f"{path}:{number}"
            try:
                found = json_value(line, where=where)
            except (ValueError, RecursionError):
                found = None
            if not isinstance(found, dict):
                raise DataError(
                    f"is no JSON object: {line.strip()[:MAX_SHOWN]!r}",
                    where=where,
                    mend="write one object a line, without a comma behind it",
                )
            for column in columns:
                if column not in found:
                    mend = f"it has {', '.join(map(repr, found))[: 4 * MAX_SHOWN]}"
                    raise DataError(f"has no {column!r}", where=where, mend=mend)
            yield Row(where, [found[str(column)] for column in columns])
