"""Trees of a Universal Dependencies treebank, for structural probes.

Sentences with a head left open are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from polyseme.config import config
from polyseme.data import conllu
from polyseme.data.conllu import NO_HEAD, Sentence
from polyseme.tasks.base import Split
from polyseme.tasks.common import heads
from polyseme.tasks.families import tree
from polyseme.training.options import Positive

FAMILY = "tree"
PUNCTUATION = "PUNCT"


@config
class Config:
    """Values of a conf/task/*.yaml with `module: ud_trees`."""

    module: str
    """This file."""
    source: str
    """Folder: artifact of the data set, or one of your own."""
    files: dict[str, str]
    """File of each split."""
    max_sentences: dict[str, Positive] = Field(default_factory=dict)
    """Most sentences of a split: the first ones; all where a split is not named."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """Words and heads of each split."""
    splits = {}
    for name, file in options.files.items():
        found = list(conllu.read(source / file))[: options.max_sentences.get(name)]
        whole = [s for s in found if NO_HEAD not in s.heads]
        labels = [_labels(sentence, source / file) for sentence in whole]
        splits[name] = Split([list(s.words) for s in whole], labels)
    return splits


def _labels(sentence: Sentence, path: Path) -> list[str]:
    """Labels of a tree.

    Raises:
        DataError: two roots, or a cycle.
    """
    heads.require_tree(sentence.words, sentence.heads, where=f"{path}:{sentence.line}")
    return tree.write(sentence.heads, [tag == PUNCTUATION for tag in sentence.upos])
