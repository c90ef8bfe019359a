"""Word similarity: pairs of words and a human score, one pair a line (WordSim-353, ...).

Fields are set apart by tabs, commas or spaces; lines that begin with # are comments. A file that
has phrases is comma-separated with a header instead, and conf names its columns.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from polyseme.config import config
from polyseme.data.streams import open_text, read_lines
from polyseme.errors import DataError
from polyseme.tasks.base import Split
from polyseme.tasks.common import word_sets
from polyseme.tasks.common.word_sets import MAX_LINE, Row, phrase

FAMILY = "similarity"
FIELDS = 3


@config
class Config:
    """Values of a conf/task/*.yaml with `module: similarity`."""

    module: str
    """This file."""
    source: str
    """Artifact of the data set."""
    file: str
    """File with the pairs."""
    columns: tuple[str, str, str] | None = None
    """Columns of word, word and score, where the file has a header."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """All pairs as the split `test`: sentences are pairs, labels are scores."""
    pairs, scores = [], []
    path = source / options.file
    rows = word_sets.cells(path, options.columns) if options.columns else _lines(path)
    for where, fields in rows:
        *words, score = _checked(fields, where=where)
        pairs.append([phrase(word) for word in words])
        scores.append(float(score))
    word_sets.require_some(pairs, path)
    return {"test": Split(pairs, scores)}


def _lines(path: Path) -> Iterator[Row]:
    text, _ = open_text(path)
    with text:
        for number, line in read_lines(text, where=path, max_characters=MAX_LINE):
            if line.strip() and not line.startswith("#"):
                fields = [field for field in re.split(r"[\t,; ]+", line.strip()) if field]
                yield Row(f"{path}:{number}", fields)


def _checked(fields: list[str], *, where: str) -> list[str]:
    try:
        if len(fields) != FIELDS or not all(fields) or not math.isfinite(float(fields[-1])):
            raise ValueError(fields)
    except ValueError:
        raise DataError(
            f"is not `word word score`: {' '.join(fields)[:60]!r}",
            where=where,
            mend="write two words and a finite number, or begin the line with # if it is a comment",
        ) from None
    return fields
