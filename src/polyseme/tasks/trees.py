"""Dependency heads of the controlled language, as tagging; see common/heads.py.

Accuracy is the unlabelled attachment score.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain, islice
from pathlib import Path

from polyseme.config import config
from polyseme.data.split import Split as SplitName
from polyseme.tasks.base import Split
from polyseme.tasks.common import controlled, heads
from polyseme.training.options import Positive

FAMILY = "tagging"
MAIN_METRIC = "accuracy"


@config
class Config:
    """Values of conf/task/trees.yaml."""

    module: str
    """This file."""
    source: str
    """Artifact of a controlled corpus."""
    num_items: dict[SplitName, Positive]
    """Sentences of each split."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """The first sentences of each split."""
    splits: dict[str, Split] = {}
    for name, size in options.num_items.items():
        rows = list(islice(chain.from_iterable(controlled.documents(source, name)), size))
        labels = [heads.encode(row["heads"], row["upos"]) for row in rows]
        splits[name] = Split([row["words"] for row in rows], labels)
    return splits
