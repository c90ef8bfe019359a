"""Sentiment of a sentence of the controlled language: good or bad, and `not` turns it round."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path

from polyseme.config import config
from polyseme.data.split import Split as SplitName
from polyseme.tasks.base import Split
from polyseme.tasks.common import controlled
from polyseme.tasks.common.controlled import Row
from polyseme.training.options import Positive

FAMILY = "classification"


@config
class Config:
    """Values of conf/task/sentiment.yaml."""

    module: str
    """This file."""
    source: str
    """Artifact of a controlled corpus."""
    num_items: dict[SplitName, Positive]
    """Sentences of each split; both labels are equally frequent."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """Sentences that have a sentiment."""
    splits: dict[str, Split] = {}
    for name, size in options.num_items.items():
        rows = controlled.shuffled(
            _half(chain.from_iterable(controlled.documents(source, name)), size // 2)
        )
        splits[name] = Split([row["words"] for row in rows], [row["sentiment"] for row in rows])
    return splits


def _half(rows: Iterator[Row], most: int) -> list[Row]:
    """The first rows of each sentiment, equally many."""
    found: dict[str, list[Row]] = {"good": [], "bad": []}
    for row in rows:
        if len(found.get(row["sentiment"], [None] * most)) < most:
            found[row["sentiment"]].append(row)
        if all(len(chosen) == most for chosen in found.values()):
            break
    count = min(map(len, found.values()))
    return [row for chosen in found.values() for row in chosen[:count]]
