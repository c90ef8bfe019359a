"""Which sense has this noun here? CoarseWSD-20 (Loureiro et al. 2021): twenty words of Wikipedia.

A folder a word: lines `place, tab, text`, the number of the sense on the line beside it, and a
table of the names of the senses. There is no validation split: some of the training lines are held
out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from polyseme.config import config
from polyseme.data.split import Split as SplitName
from polyseme.errors import DataError
from polyseme.tasks.base import KEY_END, Split, same_words
from polyseme.tasks.common.lines import beside, numbered
from polyseme.tasks.common.texts import HeldOut, drawn

FAMILY = "word_sense"


@config
class Config:
    """Values of a conf/task/*.yaml with `module: coarse_senses`."""

    module: str
    """This file."""
    source: str
    """Artifact of the data set."""
    words: tuple[str, ...] = ()
    """Which words; none means all."""
    held_out: HeldOut
    """Training lines that become the validation split."""


class Marked(NamedTuple):
    """A text, the place of the word, the word and its sense."""

    words: list[str]
    place: int
    key: str
    label: str


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """Texts with one marked word each, word by word."""
    splits: dict[SplitName, list[Marked]] = {"train": [], "valid": [], "test": []}
    for word in _words(options, source):
        for line in _read(source / word, "train"):
            splits[drawn(options.held_out, same_words(line.words))].append(line)
        splits["test"] += _read(source / word, "test")
    return {name: _split(found) for name, found in splits.items()}


def _split(found: list[Marked]) -> Split:
    return Split(
        [m.words for m in found],
        [[m.label] for m in found],
        places=[[m.place] for m in found],
        keys=[[m.key] for m in found],
    )


def _words(options: Config, source: Path) -> list[str]:
    """Folders of the words.

    Raises:
        DataError: a word that is not there.
    """
    known = sorted(path.parent.name for path in source.glob("*/train.data.txt"))
    for word in options.words:
        if word not in known:
            mend = f"one of {', '.join(known) or 'none'}"
            raise DataError(f"has no word {word!r}", where=source, mend=mend)
    return sorted(options.words) or known


def _read(folder: Path, split: str) -> Iterator[Marked]:
    """Lines of a word."""
    senses = _senses(folder / "classes_map.txt")
    data, gold = folder / f"{split}.data.txt", folder / f"{split}.gold.txt"
    for number, line, sense in beside(data, gold):
        written, _, text = line.partition("\t")
        words = text.split()
        if not (written.isascii() and written.isdigit() and int(written) < len(words)):
            raise DataError(
                f"place {written[:40]!r} is no word of the text of {len(words)} words",
                where=f"{data}:{number}",
                mend="write the place of the word, from 0, then a tab and the text",
            )
        if sense.strip() not in senses:
            raise DataError(
                f"sense {sense[:40]!r} is not known",
                where=f"{gold}:{number}",
                mend=f"one of {', '.join(senses)}, as in classes_map.txt",
            )
        label = f"{folder.name}{KEY_END}{senses[sense.strip()]}"
        yield Marked(words, int(written), folder.name, label)


def _senses(path: Path) -> dict[str, str]:
    """Names of the senses of a word, by number.

    Raises:
        DataError: not JSON, or no table of names.
    """
    try:
        found = json.loads(" ".join(line for _, line in numbered(path)))
    except json.JSONDecodeError as error:
        raise DataError(f"is not JSON: {error.msg}", where=path, mend="get it again") from None
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found.values()):
        mend = "write {number: name} for each sense"
        raise DataError("is no table of the names of senses", where=path, mend=mend)
    return found
