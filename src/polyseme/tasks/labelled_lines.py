"""Sentence classification from lines `label sentence`, words set apart by spaces.

The form of the Stanford Sentiment Treebank as Kim (2014) distributed it (SST-2, SST-5, ...).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from polyseme.config import config
from polyseme.data.streams import open_text, read_lines
from polyseme.errors import DataError
from polyseme.tasks.base import Split
from polyseme.training.options import Positive

FAMILY = "classification"

MAX_LINE = 2**20


@config
class Config:
    """Values of a conf/task/*.yaml with `module: labelled_lines`."""

    module: str
    """This file."""
    source: str
    """Artifact of the data set."""
    files: dict[str, str]
    """File of each split."""
    max_sentences: dict[str, Positive] = Field(default_factory=dict)
    """Most sentences of a split: the first ones; all where a split is not named."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """Words and label of each line."""
    return {
        name: _read(source / file, options.max_sentences.get(name))
        for name, file in options.files.items()
    }


def _read(path: Path, most: int | None) -> Split:
    sentences, labels = [], []
    text, _ = open_text(path)
    with text:
        for number, line in read_lines(text, where=path, max_characters=MAX_LINE):
            if not line.strip():
                continue
            label, *words = line.split()
            if not words:
                raise DataError(
                    "has a label but no words",
                    where=f"{path}:{number}",
                    mend="write `label sentence` on each line",
                )
            labels.append(label)
            sentences.append(words)
    return Split(sentences[:most], labels[:most])
