"""Punctuation restoration: which mark follows this word? Labels come from the corpus itself.

The marks are taken out of some sentences of a document that follow each other, and the words are
shown in lower case, so that neither a capital nor the end of the item tells where a sentence ends.
The label of a word is the mark behind it, or `none`; of several marks it is the first. The last
word of an item is not scored. Brackets, quotes and dashes stay: they are words like others. A point
behind an abbreviation counts as a period.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Annotated

from pydantic import Field

from polyseme.config import config
from polyseme.data import documents
from polyseme.data.split import Split as SplitName
from polyseme.tasks.base import Split
from polyseme.training.options import Positive

FAMILY = "tagging"
MARKS = {
    ",": "comma",
    ".": "period",
    "?": "question",
    "!": "exclamation",
    ";": "semicolon",
    ":": "colon",
}
NONE = "none"
Item = tuple[list[str], list[str | None]]


@config
class Config:
    """Values of conf/task/punctuation.yaml."""

    module: str
    """This file."""
    source: str
    """Artifact of the corpus."""
    corpus_splits: dict[str, SplitName]
    """Which split of the corpus each split of the task is taken from."""
    num_items: dict[str, Positive]
    """Most items of each split."""
    num_sentences: Annotated[int, Field(ge=2)] = 3
    """Of an item."""
    min_words: Positive = 10
    """Shorter items are left out."""
    max_words: Annotated[int, Field(ge=10)] = 120
    """Longer ones, too."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """The first items of each split."""
    splits = {}
    for name, size in options.num_items.items():
        found = list(islice(_items(options, source, options.corpus_splits[name]), size))
        splits[name] = Split([words for words, _ in found], [labels for _, labels in found])
    return splits


def _items(options: Config, source: Path, split: SplitName) -> Iterator[Item]:
    """Items of all documents of a split, one after the other."""
    for document in documents.read(source / documents.FILE):
        for start in range(0, len(document.sentences), options.num_sentences):
            window = document.sentences[start : start + options.num_sentences]
            words, labels = without_marks(list(chain(*window)))
            fits = options.min_words <= len(words) <= options.max_words
            if document.split == split and len(window) == options.num_sentences and fits:
                yield words, labels


def without_marks(written: Sequence[str]) -> Item:
    """Words in lower case without the marks, and the mark behind each; None for the last."""
    words: list[str] = []
    labels: list[str | None] = []
    for word in written:
        if word not in MARKS:
            words.append(word.lower())
            labels.append(NONE)
        elif labels and labels[-1] == NONE:
            labels[-1] = MARKS[word]
    return words, [*labels[:-1], None] if labels else []
