"""Which relation do two marked nominals have? SemEval-2010 task 8 (Hendrickx et al. 2010).

A block of lines an item: number, tab, the text in quotes with <e1>...</e1> and <e2>...</e2>; the
relation with its direction; a comment. There is no validation split: some of the training items are
held out. Words are found as in every corpus (data/words.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from polyseme.config import config
from polyseme.data.split import Split as SplitName
from polyseme.data.words import word_splitter
from polyseme.errors import DataError
from polyseme.tasks.base import Split, same_words
from polyseme.tasks.common.lines import numbered
from polyseme.tasks.common.texts import HeldOut, drawn

FAMILY = "span_pair"
MAIN_METRIC = "relation_f1"
MARKS = ("<e1>", "</e1>", "<e2>", "</e2>")
_ITEM = re.compile(r'\d+\t"(.*)"')
_RELATION = re.compile(r"Other|[A-Z][a-z]+-[A-Z][a-z]+\((e1,e2|e2,e1)\)")


@config
class Config:
    """Values of a conf/task/*.yaml with `module: relations`."""

    module: str
    """This file."""
    source: str
    """Artifact of the data set."""
    train: str
    """File of training and validation."""
    test: str
    """File of the test, with its relations."""
    held_out: HeldOut
    """Training items that become the validation split."""


class Item(NamedTuple):
    """A text, first words and ends of its two spans, its relation."""

    words: list[str]
    places: list[int]
    label: str


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """Texts with two marked spans each."""
    found: dict[SplitName, list[Item]] = {"train": [], "valid": [], "test": []}
    for item in _read(source / options.train):
        found[drawn(options.held_out, same_words(item.words))].append(item)
    found["test"] += _read(source / options.test)
    return {
        name: Split([i.words for i in of], [i.label for i in of], [i.places for i in of])
        for name, of in found.items()
    }


def _read(path: Path) -> Iterator[Item]:
    """Items of a file."""
    block: list[tuple[int, str]] = []
    for number, line in numbered(path):
        if line.strip():
            block.append((number, line.strip()))
        elif block:
            yield _item(path, block)
            block = []
    if block:
        yield _item(path, block)


def _item(path: Path, block: list[tuple[int, str]]) -> Item:
    """The item of a block of numbered lines.

    Raises:
        DataError: no text in quotes, or no relation below it.
    """
    number, line = block[0]
    found = _ITEM.fullmatch(line)
    if found is None:
        mend = 'write `number, tab, "text"`, then its relation, and a blank line after it'
        raise DataError(f"{line[:40]!r} is no item", where=f"{path}:{number}", mend=mend)
    if len(block) == 1 or not _RELATION.fullmatch(block[1][1]):
        shown = repr(block[1][1][:40]) if len(block) > 1 else "nothing"
        mend = "write Other, or a relation with its direction, as Cause-Effect(e2,e1)"
        raise DataError(f"{shown} below is no relation", where=f"{path}:{number}", mend=mend)
    return Item(*_spans(found[1], f"{path}:{number}"), block[1][1])


def _spans(text: str, where: str) -> tuple[list[str], list[int]]:
    """Words of a marked text, and first word and end of its two spans.

    Raises:
        DataError: a mark is missing, there twice, or around nothing.
    """
    places: list[int] = []
    words: list[str] = []
    splitter = word_splitter()
    for mark in MARKS:
        before, found, text = text.partition(mark)
        if not found or mark in text:
            what = f"{mark} stands there twice" if found else f"{mark} is missing or out of order"
            raise DataError(what, where=where, mend=f"mark the spans by {' '.join(MARKS)}")
        words += [word for word, _ in splitter.pre_tokenize_str(before)]
        places.append(len(words))
    if places[0] == places[1] or places[2] == places[3]:
        raise DataError("a marked span is empty", where=where, mend="mark at least one word")
    return words + [word for word, _ in splitter.pre_tokenize_str(text)], places
