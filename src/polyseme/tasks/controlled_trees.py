"""Trees of the controlled language, for structural probes."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain, islice
from pathlib import Path

from polyseme.config import config
from polyseme.data.split import Split as SplitName
from polyseme.tasks.base import Split
from polyseme.tasks.common import controlled
from polyseme.tasks.families import tree
from polyseme.training.options import Positive

FAMILY = "tree"
PUNCTUATION = "PUNCT"


@config
class Config:
    """Values of conf/task/structure.yaml."""

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
        labels = [tree.write(r["heads"], [t == PUNCTUATION for t in r["upos"]]) for r in rows]
        splits[name] = Split([row["words"] for row in rows], labels)
    return splits
