"""Tagging from a Universal Dependencies treebank (Nivre et al. 2020): UPOS of syntactic words.

Multiword tokens and empty nodes are read and left out, as the UD evaluation does.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from polyseme.config import config
from polyseme.data import conllu
from polyseme.tasks.base import Split
from polyseme.training.options import Positive

FAMILY = "tagging"


@config
class Config:
    """Values of a conf/task/*.yaml with `module: ud_tags`."""

    module: str
    """This file."""
    source: str
    """Artifact of the data set."""
    files: dict[str, str]
    """File of each split."""
    max_sentences: dict[str, Positive] = Field(default_factory=dict)
    """Most sentences of a split: the first ones; all where a split is not named."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """Words and tags of each split."""
    splits = {}
    for name, file in options.files.items():
        found = list(conllu.read(source / file))[: options.max_sentences.get(name)]
        splits[name] = Split([list(s.words) for s in found], [list(s.upos) for s in found])
    return splits
