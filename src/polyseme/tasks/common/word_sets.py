"""Sets of words without context, in comma-separated files with a header."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Sized
from pathlib import Path

from polyseme.errors import DataError
from polyseme.tasks.common import rows
from polyseme.tasks.common.rows import Row

MAX_LINE = 2**20


def cells(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    """The wanted columns of each row, without spaces at their ends.

    Raises:
        DataError: a column is missing, or a row has more or fewer columns than the header.
    """
    found = rows.delimited(path, columns, header=True, delimiter=",", quoted=True, encoding="utf-8")
    for where, fields in found:
        yield Row(where, [field.strip() for field in fields])


def phrase(word: str) -> str:
    """Words of a phrase with a space between them, as `New York` for `New_York`."""
    return " ".join(word.replace("_", " ").split())


def require_some(found: Sized, path: Path) -> None:
    """Refuse a file without items.

    Raises:
        DataError: naming it.
    """
    if not found:
        raise DataError("has no items", where=path, mend="is it the right file, and whole?")
