"""Outlier detection: words of a kind, and words that are not (8-8-8, WikiSem500).

A comma-separated file has a set in each row: its name, and its outliers and its words, each a list
as Python writes it. Empty names in a list are left out.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

from polyseme.config import config
from polyseme.errors import DataError
from polyseme.tasks.base import Split
from polyseme.tasks.common import word_sets

FAMILY = "outliers"
FEWEST_WORDS = 2


@config
class Config:
    """Values of a conf/task/*.yaml with `module: outliers`."""

    module: str
    """This file."""
    source: str
    """Artifact of the data set."""
    file: str
    """File with the sets."""
    name: str
    """Column of the name of a set."""
    outliers: str
    """Column of its outliers."""
    words: str
    """Column of its words."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """A case for each outlier, in the split `test`: the words and it, last; labels are sets."""
    cases, sets = [], []
    path = source / options.file
    columns = (options.name, options.outliers, options.words)
    for where, (name, outliers, words) in word_sets.cells(path, columns):
        alike = _listed(words, "words", FEWEST_WORDS, where=where)
        for outlier in _listed(outliers, "outliers", 1, where=where):
            cases.append([*alike, outlier])
            sets.append(name)
    word_sets.require_some(cases, path)
    return {"test": Split(cases, sets)}


def _listed(cell: str, kind: str, fewest: int, *, where: str) -> list[str]:
    try:
        found = ast.literal_eval(cell)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        found = None
    if not isinstance(found, list) or not all(isinstance(word, str) for word in found):
        raise DataError(
            f"is no list of {kind}: {cell[:60]!r}",
            where=where,
            mend="write ['one', 'two'], or check the columns in its conf file: are they mixed up?",
        )
    words = [word_sets.phrase(word) for word in found if word_sets.phrase(word)]
    if len(words) < fewest:
        raise DataError(
            f"has {len(words)} {kind}, fewer than {fewest}",
            where=where,
            mend="add some, or leave it out",
        )
    return words
