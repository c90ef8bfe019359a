"""Sentence or document classification from one file, or one folder, for each class.

A file has a text a line; a folder has a text a file. So Pang & Lee distributed MR, Subj and their
film reviews, and Kim (2014) CR and MPQA. Blank lines are left out. There is no split: conf says
which shares are held out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field

from polyseme.config import config
from polyseme.data.dataset import Inside
from polyseme.data.streams import Encoding, open_text, read_lines
from polyseme.errors import DataError
from polyseme.tasks.base import Split
from polyseme.tasks.common import texts
from polyseme.tasks.common.texts import MAX_LINE, HeldOut, Item, TextOptions, Texts

FAMILY = "classification"
facts = texts.facts


@config
class Config(TextOptions):
    """Values of a conf/task/*.yaml with `module: class_files`."""

    classes: Annotated[dict[str, Inside], Field(min_length=2)]
    """File or folder of each class."""
    held_out: HeldOut
    """Shares of `valid` and `test`, and the seed."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """The texts of all classes, some of them held out."""
    return texts.splits(options, {"train": _items(options, source)})


def _items(options: Config, source: Path) -> Iterator[Item]:
    made = Texts(options)
    for label, name in options.classes.items():
        number = 0
        for where, text in _texts(source / name, options.encoding):
            yield made.item([text], label, where=where)
            number += 1
        if not number:
            raise DataError(
                f"class {label!r} has no texts", where=source / name, mend="check its source"
            )


def _texts(path: Path, encoding: Encoding) -> Iterator[tuple[str, str]]:
    """Each text with its place."""
    if path.is_dir():
        for file in sorted(path.iterdir()):
            yield str(file), "\n".join(line for _, line in _lines(file, encoding))
    else:
        for number, line in _lines(path, encoding):
            if line.strip():
                yield f"{path}:{number}", line


def _lines(path: Path, encoding: Encoding) -> Iterator[tuple[int, str]]:
    text, _ = open_text(path, encoding=encoding)
    with text:
        yield from read_lines(text, where=path, max_characters=MAX_LINE)
