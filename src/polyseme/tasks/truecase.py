"""Truecasing: how was this lower-cased word written? Labels come from the corpus itself.

The words are shown in lower case; the label is `lower`, `title` (First letter), `upper` or
`mixed`. The first word of a sentence, one-letter words and words without case are not scored:
position or type would give the answer away, or there is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from polyseme.config import config
from polyseme.data.documents import sentences
from polyseme.data.split import Split as SplitName
from polyseme.tasks.base import Split
from polyseme.training.options import Positive

FAMILY = "tagging"


@config
class Config:
    """Values of conf/task/truecase.yaml."""

    module: str
    """This file."""
    source: str
    """Artifact of the corpus."""
    corpus_splits: dict[str, SplitName]
    """Which split of the corpus each split of the task is taken from."""
    num_sentences: dict[str, Positive]
    """Most sentences of each split."""
    min_words: Positive = 5
    """Shorter sentences are left out."""
    max_words: Annotated[int, Field(ge=5)] = 60
    """Longer ones, too."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """The first sentences of each split that have a scored word."""
    splits = {}
    for name, size in options.num_sentences.items():
        found = list(islice(_items(options, source, options.corpus_splits[name]), size))
        splits[name] = Split([words for words, _ in found], [labels for _, labels in found])
    return splits


def _items(
    options: Config, source: Path, split: SplitName
) -> Iterator[tuple[list[str], list[Any]]]:
    for sentence in sentences(source, split):
        if options.min_words <= len(sentence) <= options.max_words:
            labels = [None, *map(case, sentence[1:])]
            if any(labels):
                yield [word.lower() for word in sentence], labels


def case(word: str) -> str | None:
    """How a word is written; None where that cannot be told from its lower-cased form."""
    if len(word) < 2 or word.lower() == word.upper():  # noqa: PLR2004
        return None
    for name, written in (("lower", str.lower), ("upper", str.upper), ("title", _title)):
        if written(word) == word:
            return name
    return "mixed"


def _title(word: str) -> str:
    return word[0].upper() + word[1:].lower()
