"""Tagging of the controlled language with one feature of its words, as number or tense.

Words without the feature are not scored.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain, islice
from pathlib import Path

from polyseme.config import config
from polyseme.data import conllu
from polyseme.data.split import Split as SplitName
from polyseme.errors import DataError
from polyseme.language import gold
from polyseme.tasks.base import Split
from polyseme.tasks.common import controlled
from polyseme.training.options import Positive

FAMILY = "tagging"
PROBED_ONLY = True


@config
class Config:
    """Values of conf/task/cnumber.yaml."""

    module: str
    """This file."""
    source: str
    """Artifact of a controlled corpus."""
    label: str
    """Name of the feature, as `Number`."""
    num_items: dict[SplitName, Positive]
    """Sentences of each split."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """The first sentences of each split.

    Raises:
        DataError: no word has the feature.
    """
    splits: dict[str, Split] = {}
    for name, size in options.num_items.items():
        rows = list(islice(chain.from_iterable(controlled.documents(source, name)), size))
        features = [[conllu.features(text or "_") for text in row["features"]] for row in rows]
        tags = [[of.get(options.label) for of in sentence] for sentence in features]
        if rows and not any(map(any, tags)):
            known = ", ".join(sorted(set().union(*chain.from_iterable(features)))) or "none"
            what, mend = f"no word has a {options.label!r}", f"set `label` to one of: {known}"
            raise DataError(what, where=source / gold.FILE, mend=mend)
        splits[name] = Split([row["words"] for row in rows], tags)
    return splits
