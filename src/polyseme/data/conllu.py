"""CoNLL-U, read strictly: https://universaldependencies.org/format.html.

The `conllu` library parses comments and ids; columns, ids and sentence borders are checked here,
because its errors do not say where. Multiword tokens (1-2) and empty nodes (8.1) are legal and
left out: a word here is a syntactic word, as in the treebank's published counts. Accepted although
the format asks otherwise: BOM, CRLF, no blank line after the last sentence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import conllu.exceptions
import conllu.parser

from polyseme.data.streams import open_text, read_lines
from polyseme.errors import DataError

NUM_COLUMNS = 10
NO_HEAD = -1
MAX_LINE = 2**20
MAX_DIGITS = 9
MAX_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of T words; every tuple has T entries."""

    sent_id: str
    """From the comment `# sent_id = ...`; empty without one."""
    line: int
    """Line of the file where it begins, from 1."""
    words: tuple[str, ...]
    upos: tuple[str | None, ...]
    """None where the column is `_`."""
    heads: tuple[int, ...]
    """Position of the head, from 1; 0 is the root; -1 where the column is `_`."""
    deprels: tuple[str, ...]
    feats: tuple[str, ...]
    """As written: `Number=Sing|Person=3`, or `_`."""


def read(path: Path) -> Iterator[Sentence]:
    """Sentences of a CoNLL-U file, plain or compressed, one at a time.

    Raises:
        DataError: naming file, line and mend.
    """
    text, _ = open_text(path)
    block: list[tuple[int, str]] = []
    with text:
        for number, line in read_lines(text, where=path, max_characters=MAX_LINE):
            if line.strip():
                block.append((number, line))
            elif block:
                yield _sentence(path, block)
                block = []
    if block:
        yield _sentence(path, block)


def features(text: str) -> dict[str, str]:
    """Names and values of the features of a word; a value may be several: `Acc,Nom`."""
    if text == "_":
        return {}
    return {name: value for name, _, value in (part.partition("=") for part in text.split("|"))}


def _sentence(path: Path, block: list[tuple[int, str]]) -> Sentence:
    """The sentence of a block of numbered lines."""
    sent_id = ""
    rows: list[tuple[int, list[str]]] = []
    ranges: list[tuple[int, int]] = []
    for number, line in block:
        if line.startswith("#"):
            if rows:
                raise _error(path, number, "a comment inside a sentence", "put a blank line before")
            sent_id = dict(conllu.parser.parse_comment_line(line)).get("sent_id") or sent_id
        elif isinstance(row := _row(path, number, line, len(rows)), int):
            ranges.append((number, row))
        elif row is not None:
            rows.append((number, row))
    if not rows:
        raise _error(path, block[0][0], "a sentence without words", "remove its comments")
    heads = tuple(_head(path, number, row[6], len(rows)) for number, row in rows)
    for number, last in ranges:
        if last > len(rows):
            what = f"a multiword token ends at {_cut(str(last))}, the sentence at {len(rows)}"
            raise _error(path, number, what, "correct its range")
    columns = list(zip(*(row for _, row in rows), strict=True))
    upos = tuple(None if tag == "_" else tag for tag in columns[3])
    return Sentence(sent_id, block[0][0], columns[1], upos, heads, columns[7], columns[5])


def _row(path: Path, number: int, line: str, num_words: int) -> list[str] | int | None:
    """Columns of a word line; last word of a multiword token; None for an empty node."""
    columns = line.split("\t")
    if len(columns) != NUM_COLUMNS:
        what = f"{len(columns)} columns separated by tabs instead of {NUM_COLUMNS}"
        raise _error(path, number, what, "write `_` for each column without a value")
    try:
        word_id = conllu.parser.parse_id_value(columns[0])
    except (conllu.exceptions.ParseException, ValueError):  # int() refuses thousands of digits
        word_id = None
    if word_id is None:
        what = f"id {_cut(columns[0])} is no integer, range (1-2) or empty node (8.1)"
        raise _error(path, number, what, "number the words of a sentence from 1")
    if "" in columns:
        what = f"column {columns.index('') + 1} is empty"
        raise _error(path, number, what, "write `_` for each column without a value")
    if isinstance(word_id, tuple):
        first, mark, last = word_id
        if mark != "-":
            return None
        if not num_words < first <= last:
            what = f"the range {_cut(columns[0])} follows word {num_words}"
            raise _error(path, number, what, "put it before its first word")
        return int(last)
    if word_id == 1 and num_words:
        raise _error(path, number, "the ids start again at 1", "put a blank line before")
    if word_id != num_words + 1:
        what = f"id {_cut(columns[0])} follows {num_words}"
        raise _error(path, number, what, "number the words of a sentence from 1 without a gap")
    if columns[5] != "_" and not all("=" in part for part in columns[5].split("|")):
        what = f"column 6, {_cut(columns[5])}, is no list of features"
        raise _error(path, number, what, "write Name=Value, separated by |, or `_`")
    if not columns[1].strip():
        raise _error(path, number, "empty word form", "write the form, or `_` if it is unknown")
    return columns


def _head(path: Path, number: int, value: str, num_words: int) -> int:
    if value == "_":
        return NO_HEAD
    short = len(value) <= MAX_DIGITS  # int() refuses thousands of digits
    if not (short and value.isascii() and value.isdigit() and int(value) <= num_words):
        what = f"head {_cut(value)} is no word of the sentence"
        raise _error(path, number, what, f"use 0 (root) to {num_words}, or `_`")
    return int(value)


def _cut(value: str) -> str:
    return repr(value if len(value) <= MAX_SHOWN else f"{value[:MAX_SHOWN]}...")


def _error(path: Path, number: int, what: str, mend: str) -> DataError:
    return DataError(what, where=f"{path}:{number}", mend=mend)
