"""Concept categorization: words and the category that each belongs to (AP, BLESS, ...).

A comma-separated file has a word in each row. Rows without a word, which stand for the ends of
categories in some files, are left out; so are repetitions of a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from polyseme.config import config
from polyseme.errors import DataError
from polyseme.tasks.base import Split
from polyseme.tasks.common import word_sets

FAMILY = "categorization"
FEWEST_CATEGORIES = 2


@config
class Config:
    """Values of a conf/task/*.yaml with `module: categorization`."""

    module: str
    """This file."""
    source: str
    """Artifact of the data set."""
    file: str
    """File with the words."""
    word: str
    """Column of the word."""
    category: str
    """Column of its category."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """Words as the split `test`; labels are categories."""
    found: dict[tuple[str, str], None] = {}
    path = source / options.file
    for where, (word, category) in word_sets.cells(path, (options.word, options.category)):
        if not category:
            mend = "write its category, or take the row out"
            raise DataError(f"{word[:60]!r} has no category", where=where, mend=mend)
        if name := word_sets.phrase(word):
            found[name, category] = None
    word_sets.require_some(found, path)
    _refuse_mixed_up({category for _, category in found}, len(found), path)
    return {"test": Split([[word] for word, _ in found], [category for _, category in found])}


def _refuse_mixed_up(categories: set[str], num_words: int, path: Path) -> None:
    """Raise when there is one category alone, or about one for each word."""
    if len(categories) < FEWEST_CATEGORIES or 2 * len(categories) > num_words:
        raise DataError(
            f"has {len(categories)} categories for {num_words} words",
            where=path,
            mend="check `word` and `category` in its conf file: are columns mixed up?",
        )
