"""Number agreement in sentences of any sense and of none (Gulordava et al. 2018).

A TSV file with a header; two rows, `correct` and `wrong`, are a pair: the verb `form` in its place
(after `len_prefix` words) in the sentence `sent`, which ends with <eos>. The original evaluation
compares both forms after the words to the left; here whole sentences are compared, as in all
minimal pairs, so that models that see both sides are asked the same.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from polyseme.config import config
from polyseme.data.dataset import Inside
from polyseme.errors import DataError
from polyseme.tasks.base import Split
from polyseme.tasks.common import minimal
from polyseme.tasks.common.lines import numbered

FAMILY = "minimal_pairs"
COLUMNS = ("pattern", "type", "class", "form", "len_prefix", "sent")
END = "<eos>"
MEND = "give each pair a row `correct` and, below it, a row `wrong` of the same sentence"
Row = dict[str, str]


@config
class Config:
    """Values of conf/task/gulordava.yaml."""

    module: str
    """This file."""
    source: str
    """Artifact of the data set."""
    file: Inside
    """File with the pairs."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """Pairs as the split `test`; labels are the pattern and whether the sentence has any sense."""
    path = source / options.file
    rows = list(_rows(path))
    texts, labels = [], []
    if len(rows) % 2:
        raise DataError("has no row below", where=rows[-1][0], mend=MEND)
    for pair in zip(rows[::2], rows[1::2], strict=True):
        (where, good), (_, bad) = pair
        if [row["class"] for _, row in pair] != ["correct", "wrong"] or good["sent"] != bad["sent"]:
            raise DataError("is no pair with the row below", where=where, mend=MEND)
        words = (_sentence(row, where=place) for place, row in pair)
        texts.append(minimal.joined(*words, where=where, mend="correct `form`"))
        labels.append([good["pattern"], f"type: {good['type']}"])
    return {"test": Split(texts, labels)}


def _rows(path: Path) -> Iterator[tuple[str, Row]]:
    """Place and columns of each row.

    Raises:
        DataError: a column is missing, or a row has another number of them.
    """
    lines = numbered(path)
    header = next((next(csv.reader([line], delimiter="\t")) for _, line in islice(lines, 1)), [])
    for name in COLUMNS:
        if name not in header:
            raise DataError(f"has no column {name!r}", where=f"{path}:1", mend="give a header")
    for number, line in lines:
        cells = next(csv.reader([line], delimiter="\t"), [])
        if len(cells) != len(header):
            what = f"has {len(cells)} columns, not {len(header)}"
            raise DataError(what, where=f"{path}:{number}", mend="correct it or delete it")
        yield f"{path}:{number}", dict(zip(header, cells, strict=True))


def _sentence(row: Row, *, where: str) -> list[str]:
    """The words, with the form in its place."""
    words = [word for word in row["sent"].split() if word != END]
    place = row["len_prefix"]
    if not place.isdecimal() or int(place) >= len(words):
        what = f"len_prefix = {place!r} is no place among {len(words)} words"
        raise DataError(what, where=where, mend="count the words before the verb")
    words[int(place)] = row["form"]
    return words
