"""Word in context, the data set (Pilehvar & Camacho-Collados 2019): the same sense, or not?

A line holds a word, its part of speech, its places in two texts and the texts, which are tokenised;
the line beside it in the gold file is T or F. The splits are the official ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from polyseme.config import config
from polyseme.errors import DataError
from polyseme.models.base import TEXT
from polyseme.tasks.base import Split
from polyseme.tasks.common.lines import beside
from polyseme.training.options import Positive

FAMILY = "pair"
LABELS = {"T": "same", "F": "different"}
COLUMNS = 5


@config
class Config:
    """Values of a conf/task/*.yaml with `module: word_in_context`."""

    module: str
    """This file."""
    source: str
    """Artifact of the data set."""
    files: dict[str, str]
    """File of each split, without `.data.txt` and `.gold.txt`."""
    max_pairs: dict[str, Positive] = Field(default_factory=dict)
    """Most pairs of a split: the first ones; all where a split is not named."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """Two texts with one marked word each."""
    return {
        name: _read(source, file, options.max_pairs.get(name))
        for name, file in options.files.items()
    }


def _read(source: Path, file: str, most: int | None) -> Split:
    data, gold = source / f"{file}.data.txt", source / f"{file}.gold.txt"
    texts, labels, places = [], [], []
    for number, line, label in beside(data, gold):
        if not line.strip() and not label.strip():
            continue
        if label.strip() not in LABELS:
            raise DataError(
                f"{label[:40]!r} is no label", where=f"{gold}:{number}", mend="write T or F"
            )
        first, second, at = _pair(line, f"{data}:{number}")
        texts.append([*first, TEXT, *second])
        places.append([at[0], len(first) + 1 + at[1]])
        labels.append(LABELS[label.strip()])
    return Split(texts[:most], labels[:most], places[:most])


def _pair(line: str, where: str) -> tuple[list[str], list[str], tuple[int, int]]:
    """Words of the two texts, and the place of the marked word in each.

    Raises:
        DataError: not so many columns, or a place outside its text.
    """
    columns = line.split("\t")
    if len(columns) != COLUMNS:
        raise DataError(
            f"{len(columns)} columns separated by tabs instead of {COLUMNS}",
            where=where,
            mend="write word, part of speech, places, first and second text",
        )
    word, _, written, *texts = columns
    first, second = (text.split() for text in texts)
    found = written.split("-")
    if len(found) != 2 or not all(n.isascii() and n.isdigit() for n in found):  # noqa: PLR2004
        raise DataError(f"places {written[:40]!r} are none", where=where, mend="write them as 2-5")
    at = int(found[0]), int(found[1])
    for place, words in zip(at, (first, second), strict=True):
        if place >= len(words):
            raise DataError(
                f"place {place} of {word[:40]!r} is outside of its text of {len(words)} words",
                where=where,
                mend="places count from 0, and words are separated by spaces",
            )
    return first, second, at
