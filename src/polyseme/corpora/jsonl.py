"""JSON Lines: one object a line, one document an object."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field

from polyseme.config import config
from polyseme.corpora.base import RawDocument, refuse_nul
from polyseme.data.streams import MAX_EXPANSION, open_text, read_lines
from polyseme.data.text import Unit, split_paragraphs
from polyseme.errors import DataError


@config
class Config:
    """Options of the reader."""

    text_field: str = "text"
    """Key of the text; null there is an empty document."""
    title_field: str | None = None
    """Key of the title; null: file and line."""
    paragraph: Unit = "line"
    """What separates paragraphs: `line` or `blank_line`."""
    max_characters: Annotated[int, Field(gt=0)] = 20_000_000
    """Longest line: bounds memory."""
    max_expansion: Annotated[int, Field(gt=0)] = MAX_EXPANSION
    """Uncompressed bytes allowed for each byte of a compressed file."""


def documents(options: Config, path: Path) -> Iterator[RawDocument]:
    """Documents of one file; blank lines are skipped.

    Raises:
        DataError: not UTF-8, truncated, or a line that is no object with text; names file:line.
    """
    text, raw = open_text(path, max_expansion=options.max_expansion)
    with text:
        for number, line in read_lines(text, where=path, max_characters=options.max_characters):
            if line.strip():
                where = f"{path}:{number}"
                record = _record(line, where)
                body = _string(record, options.text_field, where)
                title = f"{path.name}:{number}"
                if options.title_field is not None:
                    title = _string(record, options.title_field, where)
                yield RawDocument(title, body, raw.consumed)


def _record(line: str, where: str) -> dict[str, object]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"not JSON ({error})", where=where, mend="write one object on each line"
        ) from None
    if not isinstance(record, dict):
        raise DataError("not a JSON object", where=where, mend="write one object on each line")
    return record


def _string(record: dict[str, object], field: str, where: str) -> str:
    if field not in record:
        keys = ", ".join(sorted(record)) or "none"
        raise DataError(
            f"no field {field!r}", where=where, mend=f"name one in reader_options; found: {keys}"
        )
    value = record[field]
    if value is None:
        return ""
    if not isinstance(value, str):
        kind = type(value).__name__
        raise DataError(f"field {field!r} is {kind}, no text", where=where, mend="make it a string")
    return refuse_nul(value, where)


def clean(options: Config, raw: RawDocument) -> list[str]:
    """Paragraphs of the document."""
    return split_paragraphs(raw.text, options.paragraph)
