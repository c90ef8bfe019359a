"""Question classification (Li & Roth 2002): lines `COARSE:fine question`, of which one is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from polyseme.config import config
from polyseme.data.streams import open_text, read_lines
from polyseme.errors import DataError
from polyseme.tasks.base import Split
from polyseme.tasks.common import texts
from polyseme.tasks.common.texts import MAX_LINE, Files, Item, TextOptions, Texts

FAMILY = "classification"
facts = texts.facts


@config
class Config(TextOptions):
    """Values of a conf/task/*.yaml with `module: question_classes`."""

    files: Files
    """File of each split."""
    fine: bool = False
    """Whether the label is `COARSE:fine`, else `COARSE`."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """Question and class of each line."""
    found = {name: _items(options, source / file) for name, file in options.files.items()}
    return texts.splits(options, found)


def _items(options: Config, path: Path) -> Iterator[Item]:
    made = Texts(options)
    text, _ = open_text(path, encoding=options.encoding)
    with text:
        for number, line in read_lines(text, where=path, max_characters=MAX_LINE):
            if not line.strip():
                continue
            label, _, question = line.partition(" ")
            coarse, _, fine = label.partition(":")
            where = f"{path}:{number}"
            if not coarse or not fine:
                raise DataError(
                    f"does not begin with a class: {label[:60]!r}",
                    where=where,
                    mend="write `COARSE:fine question`",
                )
            yield made.item([question], label if options.fine else coarse, where=where)
