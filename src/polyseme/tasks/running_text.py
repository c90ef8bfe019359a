"""Tokenised running text, a paragraph a line, cut into sentences after final punctuation.

Headings of WikiText (`= Title =`) and blank lines are left out. `@-@`, `@,@` and `@.@`, which mark
where WikiText's tokenizer has cut a word, become the character between the marks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from polyseme.config import config
from polyseme.data.dataset import Inside
from polyseme.data.text import normalize
from polyseme.errors import DataError
from polyseme.tasks.base import Split
from polyseme.tasks.common.lines import numbered

FAMILY = "running_text"
FINAL = frozenset(".?!")
MARKED = {"@-@": "-", "@,@": ",", "@.@": "."}


@config
class Config:
    """Values of a conf/task/*.yaml with `module: running_text`."""

    module: str
    """This file."""
    source: str
    """Artifact of the data set."""
    file: Inside
    """File with the text."""
    unknown: str | None = None
    """The word that stands for words that the source has replaced; null: there is none."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """Sentences as the split `test`; labels are numbers of lines."""
    path = source / options.file
    found = [
        (sentence, str(number))
        for number, line in numbered(path)
        if not line.strip().startswith("= ")
        for sentence in _sentences(normalize(line).split())
    ]
    if not found:
        raise DataError("has no sentences", where=path, mend="fetch it again")
    return {"test": Split([words for words, _ in found], [number for _, number in found])}


def facts(options: Config, _: Path) -> dict[str, Any]:
    """The word that is not counted, for the card."""
    return {"unknown": options.unknown}


def _sentences(words: list[str]) -> Iterator[list[str]]:
    start = 0
    for end, word in enumerate(words, 1):
        if word in FINAL or end == len(words):
            yield [MARKED.get(word, word) for word in words[start:end]]
            start = end
