"""Tags of words from columns: a line a word, a blank line between sentences (CoNLL).

Columns are separated by tabs or by spaces, as in the first line of the file, and every line has as
many. `-DOCSTART-` lines are left out. Tags of spans are checked against their scheme: a gold file
is refused where it breaks it, predictions are mended (families/span.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from polyseme.config import config
from polyseme.errors import DataError
from polyseme.tasks.base import Split
from polyseme.tasks.common.lines import numbered
from polyseme.training.options import Positive

LETTERS = {"bio": "BI", "iob1": "BI", "bioes": "BIES"}
OUTSIDE = "O"
DOCUMENT = "-DOCSTART-"


@config
class Config:
    """Values of a conf/task/*.yaml with `module: conll`."""

    module: str
    """This file."""
    source: str
    """Folder: artifact of a data set, or one of your own."""
    files: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]]
    """Files of each split."""
    word: Annotated[int, Field(ge=0)] = 0
    """Column of the word, from 0."""
    label: int = -1
    """Column of the label, from 0; below 0: from the last one backwards."""
    family: Literal["span", "tagging"] = "span"
    """Whether labels are tags of spans, or stand for themselves."""
    scheme: Literal["bio", "iob1", "bioes"] = "bio"
    """Of the tags of spans. bio: B begins each span; iob1: only where two of a type touch; bioes:
    as bio, and E ends a span, S is one of a single word."""
    comments: bool = False
    """Lines that begin with `#` are left out; else they are words."""
    drop_empty: bool = False
    """Lines without a word are left out; else they are refused."""
    max_sentences: dict[str, Positive] = Field(default_factory=dict)
    """Most sentences of a split: the first ones; all where a split is not named."""


class Word(NamedTuple):
    """A line: its number, its word and its label."""

    line: int
    form: str
    label: str


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """Words and labels of each split."""
    splits = {}
    for name, files in options.files.items():
        found = [words for file in files for words in _sentences(options, source / file)]
        found = found[: options.max_sentences.get(name)]
        splits[name] = Split(
            [[word.form for word in words] for words in found],
            [[word.label for word in words] for words in found],
        )
    return splits


def _sentences(options: Config, path: Path) -> Iterator[list[Word]]:
    """Sentences of a file that have words."""
    words: list[Word] = []
    for number, columns in _rows(options, path):
        if columns is None:
            if words:
                yield _checked(options, path, words)
            words = []
        elif (word := _word(options, path, number, columns)) is not None:
            words.append(word)
    if words:
        yield _checked(options, path, words)


def _rows(options: Config, path: Path) -> Iterator[tuple[int, list[str] | None]]:
    """Columns of each line; None between sentences."""
    tabs, count = False, 0
    for number, line in numbered(path):
        if not line.strip() or line.startswith(DOCUMENT):
            yield number, None
            continue
        if options.comments and line.startswith("#"):
            continue
        tabs = tabs if count else "\t" in line
        columns = line.split("\t") if tabs else line.split()
        count = count or len(columns)
        separator = "tabs" if tabs else "spaces"
        if len(columns) != count or (not tabs and "\t" in line):
            raise DataError(
                f"{len(columns)} columns separated by {separator}, and {count} in the first line",
                where=f"{path}:{number}",
                mend="separate all columns by tabs, or all by spaces, and give each a value",
            )
        yield number, columns


def _word(options: Config, path: Path, number: int, columns: list[str]) -> Word | None:
    """The word of a line; None where it is empty and may be."""
    for name, column in (("word", options.word), ("label", options.label)):
        if not -len(columns) <= column < len(columns):
            raise DataError(
                f"has {len(columns)} columns, and no column {column} for the {name}",
                where=f"{path}:{number}",
                mend=f"set `{name}` in the conf file of the task; columns count from 0",
            )
    form, label = columns[options.word].strip(), columns[options.label].strip()
    if not form and options.drop_empty:
        return None
    if not (form and label):
        raise DataError(
            f"has no {'label' if form else 'word'}",
            where=f"{path}:{number}",
            mend="write one, or set `drop_empty` to leave lines without a word out",
        )
    return Word(number, form, label)


def _checked(options: Config, path: Path, words: list[Word]) -> list[Word]:
    """The words, whose tags of spans follow the scheme."""
    if options.family == "span":
        edge = Word(0, "", OUTSIDE)
        for before, word in pairwise([edge, *words, edge]):
            _check_tag(options.scheme, word, path)
            _check_order(options.scheme, before, word, path)
    return words


def _check_tag(scheme: str, word: Word, path: Path) -> None:
    """Raise where a tag is none of the scheme."""
    letter, _, kind = word.label.partition("-")
    if word.label != OUTSIDE and not (kind and letter in tuple(LETTERS[scheme])):
        allowed = ", ".join(f"{letter}-type" for letter in LETTERS[scheme])
        raise DataError(
            f"{word.label!r} is no tag of {scheme}",
            where=f"{path}:{word.line}",
            mend=f"write O, {allowed}, or set `scheme` or `label` in the conf file of the task",
        )


def _check_order(scheme: str, before: Word, word: Word, path: Path) -> None:
    """Raise where a tag cannot follow the one before it."""
    letter, _, kind = word.label.partition("-")
    letter_before, _, kind_before = before.label.partition("-")
    goes_on = letter in "IE" and letter_before in "BI" and kind == kind_before
    if scheme != "iob1" and letter in "IE" and not goes_on:
        raise DataError(
            f"{word.label} follows {before.label}, and no B-{kind} begins it",
            where=f"{path}:{word.line}",
            mend=f"write {'B' if letter == 'I' else 'S'}-{kind}, or set `scheme: iob1`",
        )
    if scheme == "bioes" and letter_before in "BI" and not goes_on:
        raise DataError(
            f"{before.label} is not ended by an E-{kind_before}",
            where=f"{path}:{before.line}",
            mend="write E for the last word of a span, S for a span of one word",
        )
