"""Word analogies, a is to b as c is to d, in the format of word2vec's questions-words.txt.

Lines that begin with `:` name the section of the questions that follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from polyseme.config import config
from polyseme.data.streams import open_text, read_lines
from polyseme.errors import DataError
from polyseme.tasks.base import Split

FAMILY = "analogies"
WORDS = 4

MAX_LINE = 2**20


@config
class Config:
    """Values of a conf/task/*.yaml with `module: analogies`."""

    module: str
    """This file."""
    source: str
    """Artifact of the data set."""
    file: str
    """File with the questions."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """All questions as the split `test`: sentences are the four words, labels are sections."""
    questions, sections, section = [], [], ""
    path = source / options.file
    text, _ = open_text(path)
    with text:
        for number, line in read_lines(text, where=path, max_characters=MAX_LINE):
            if line.startswith(":"):
                section = line[1:].strip()
            elif words := line.split():
                if len(words) != WORDS:
                    raise DataError(
                        f"has {len(words)} words, not {WORDS}",
                        where=f"{path}:{number}",
                        mend="write four words a line, or `: name` to begin a section",
                    )
                questions.append(words)
                sections.append(section)
    return {"test": Split(questions, sections)}
