"""Dependency heads of the controlled language, as tagging (Strzyz et al. 2019, rel-PoS encoding).

The label of a word says which word it depends on: `+1 NOUN` is the first noun to its right, `-2
VERB` the second verb to its left, `root` nothing. Accuracy is the unlabelled attachment score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, islice
from pathlib import Path

from polyseme.config import config
from polyseme.data.split import Split as SplitName
from polyseme.tasks.base import Split
from polyseme.tasks.common import controlled
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
        labels = [encode(row["heads"], row["upos"]) for row in rows]
        splits[name] = Split([row["words"] for row in rows], labels)
    return splits


def encode(heads: Sequence[int], upos: Sequence[str]) -> list[str]:
    """Labels of the words of a tree."""
    return [_label(place, head - 1, upos) for place, head in enumerate(heads)]


def _label(place: int, head: int, upos: Sequence[str]) -> str:
    if head < 0:
        return "root"
    low, high = (place + 1, head + 1) if head > place else (head, place)
    count = sum(tag == upos[head] for tag in upos[low:high])
    return f"{'+' if head > place else '-'}{count} {upos[head]}"


def decode(labels: Sequence[str], upos: Sequence[str]) -> list[int]:
    """Heads from labels, 0 where a label leads nowhere or to the root."""
    return [_head(place, label, upos) for place, label in enumerate(labels)]


def _head(place: int, label: str, upos: Sequence[str]) -> int:
    if label == "root":
        return 0
    offset, tag = label.split(" ")
    sides = range(place + 1, len(upos)) if offset[0] == "+" else range(place - 1, -1, -1)
    found = [n for n in sides if upos[n] == tag]
    count = int(offset[1:])
    return found[count - 1] + 1 if len(found) >= count else 0
