"""Which sense has this word here? Words of the controlled language in a window of sentences.

The senses of each written form are equally frequent in every split: the word alone tells nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field

from polyseme.config import config
from polyseme.data.split import Split as SplitName
from polyseme.tasks.base import Split
from polyseme.tasks.common import controlled
from polyseme.training.options import Positive

FAMILY = "tagging"


@config
class Config:
    """Values of conf/task/senses.yaml."""

    module: str
    """This file."""
    source: str
    """Artifact of a controlled corpus."""
    words: tuple[str, ...]
    """Lemmas; none means all."""
    num_items: dict[SplitName, Positive]
    """About how many items of each split."""
    before: Annotated[int, Field(ge=0)] = 2
    """Sentences before the one with the word."""
    after: Annotated[int, Field(ge=0)] = 1
    """Sentences after it."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """Windows with one labelled word each."""
    splits: dict[str, Split] = {}
    for name, size in options.num_items.items():
        found = controlled.occurrences(
            source, name, before=options.before, after=options.after, words=options.words
        )
        chosen = controlled.balanced(found, size)
        labels = [
            [o.sense if place == o.place else None for place in range(len(o.words))] for o in chosen
        ]
        splits[name] = Split([o.words for o in chosen], labels)
    return splits
