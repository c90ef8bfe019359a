"""Plain text files, UTF-8: one document a file, a block between blank lines, or a line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from polyseme.config import config
from polyseme.corpora.base import RawDocument
from polyseme.data.streams import MAX_EXPANSION, open_text, read_lines
from polyseme.data.text import Unit, split_paragraphs
from polyseme.errors import DataError


@config
class Config:
    """Options of the reader."""

    document: Literal["file", "blank_line", "line"] = "file"
    """What is a document. Splits and duplicates work on documents, so a few large ones are bad."""
    paragraph: Unit = "blank_line"
    """What separates paragraphs; `line` for text without hard line breaks."""
    max_characters: Annotated[int, Field(gt=0)] = 20_000_000
    """Longest document or line: bounds memory."""
    max_expansion: Annotated[int, Field(gt=0)] = MAX_EXPANSION
    """Uncompressed bytes allowed for each byte of a compressed file."""


def documents(options: Config, path: Path) -> Iterator[RawDocument]:
    """Documents of one file.

    Raises:
        DataError: not UTF-8, NUL, truncated, or a document that is too long.
    """
    text, raw = open_text(path, max_expansion=options.max_expansion)
    with text:
        block: list[str] = []
        size = first = 0
        for number, line in read_lines(text, where=path, max_characters=options.max_characters):
            ends = options.document == "line" or (
                options.document == "blank_line" and not line.strip()
            )
            if line.strip() and not block:
                first = number
            if block or line.strip():
                block.append(line)
                size += len(line) + 1
            if size > options.max_characters:
                raise _too_long(path, first, options)
            if ends and block:
                yield RawDocument(f"{path.name}:{first}", "\n".join(block), raw.consumed)
                block, size = [], 0
        if block:
            title = path.name if options.document == "file" else f"{path.name}:{first}"
            yield RawDocument(title, "\n".join(block), raw.consumed)


def _too_long(path: Path, line: int, options: Config) -> DataError:
    return DataError(
        f"document longer than {options.max_characters:,} characters",
        where=f"{path}:{line}",
        mend="set reader_options.document to blank_line or line, or raise max_characters",
    )


def clean(options: Config, raw: RawDocument) -> list[str]:
    """Paragraphs of the document."""
    return split_paragraphs(raw.text, options.paragraph)
