"""Topic of a document of the controlled language, from some of its sentences."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from polyseme.config import config
from polyseme.data.split import Split as SplitName
from polyseme.tasks.base import Split
from polyseme.tasks.common import controlled
from polyseme.training.options import Positive

FAMILY = "classification"


@config
class Config:
    """Values of conf/task/topic.yaml."""

    module: str
    """This file."""
    source: str
    """Artifact of a controlled corpus."""
    num_items: dict[SplitName, Positive]
    """Documents of each split."""
    num_sentences: Positive = 2
    """Of each document, from its beginning."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """The beginnings of documents."""
    splits: dict[str, Split] = {}
    for name, size in options.num_items.items():
        chosen = list(islice(controlled.documents(source, name), size))
        texts = [controlled.window(rows, 0, 0, options.num_sentences - 1)[0] for rows in chosen]
        splits[name] = Split(texts, [rows[0]["topic"] for rows in chosen])
    return splits
