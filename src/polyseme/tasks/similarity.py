"""Word similarity: pairs of words and a human score, one pair a line (WordSim-353, ...).

Fields are set apart by tabs, commas or spaces; lines that begin with # are comments.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path

from polyseme.config import config
from polyseme.data.streams import open_text, read_lines
from polyseme.errors import DataError
from polyseme.tasks.base import Split

FAMILY = "similarity"

MAX_LINE = 2**20


@config
class Config:
    """Values of a conf/task/*.yaml with `module: similarity`."""

    module: str
    """This file."""
    source: str
    """Artifact of the data set."""
    file: str
    """File with the pairs."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """All pairs as the split `test`: sentences are pairs, labels are scores."""
    pairs, scores = [], []
    path = source / options.file
    text, _ = open_text(path)
    with text:
        for number, line in read_lines(text, where=path, max_characters=MAX_LINE):
            if line.strip() and not line.startswith("#"):
                *words, score = _fields(line, where=f"{path}:{number}")
                pairs.append(words)
                scores.append(float(score))
    return {"test": Split(pairs, scores)}


def _fields(line: str, *, where: str) -> list[str]:
    fields = [field for field in re.split(r"[\t,; ]+", line.strip()) if field]
    try:
        word, other, score = fields
        if not math.isfinite(float(score)):
            raise ValueError(score)
    except ValueError:
        raise DataError(
            f"is not `word word score`: {line.strip()[:60]!r}",
            where=where,
            mend="write two words and a finite number, or begin the line with # if it is a comment",
        ) from None
    return [word, other, score]
