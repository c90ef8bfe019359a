"""Word analogies, a is to b as c is to d, in the format of word2vec's questions-words.txt.

Lines that begin with `:` name the section of the questions that follow. A comma-separated file
with a header has the section in a column of its own, and conf names its columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from polyseme.config import config
from polyseme.data.streams import open_text, read_lines
from polyseme.errors import DataError
from polyseme.tasks.base import Split
from polyseme.tasks.common import word_sets
from polyseme.tasks.common.word_sets import MAX_LINE, Row, phrase

FAMILY = "analogies"
WORDS = 4


@config
class Config:
    """Values of a conf/task/*.yaml with `module: analogies`."""

    module: str
    """This file."""
    source: str
    """Artifact of the data set."""
    file: str
    """File with the questions."""
    columns: tuple[str, str, str, str, str] | None = None
    """Columns of section, a, b, c and d, where the file has a header."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """All questions as the split `test`: sentences are the four words, labels are sections."""
    questions, sections = [], []
    path = source / options.file
    rows = word_sets.cells(path, options.columns) if options.columns else _lines(path)
    for where, (section, *words) in rows:
        found = [phrase(word) for word in words if phrase(word)]
        if len(found) != WORDS:
            raise DataError(
                f"has {len(found)} words, not {WORDS}",
                where=where,
                mend="write four words a line, or `: name` to begin a section",
            )
        questions.append(found)
        sections.append(section)
    word_sets.require_some(questions, path)
    return {"test": Split(questions, sections)}


def _lines(path: Path) -> Iterator[Row]:
    section = ""
    text, _ = open_text(path)
    with text:
        for number, line in read_lines(text, where=path, max_characters=MAX_LINE):
            if line.startswith(":"):
                section = line[1:].strip()
            elif words := line.split():
                yield Row(f"{path}:{number}", [section, *words])
