"""Dependency heads of a Universal Dependencies treebank, as tagging; see common/heads.py.

Accuracy is the unlabelled attachment score, over all syntactic words, punctuation counted. Heads
that a treebank leaves open are not scored.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from polyseme.config import config
from polyseme.data import conllu
from polyseme.data.conllu import NO_HEAD, Sentence
from polyseme.errors import DataError
from polyseme.tasks.base import Split
from polyseme.tasks.common import heads
from polyseme.training.options import Positive

FAMILY = "tagging"
MAIN_METRIC = "accuracy"


@config
class Config:
    """Values of a conf/task/*.yaml with `module: ud_heads`."""

    module: str
    """This file."""
    source: str
    """Folder: artifact of the data set, or one of your own."""
    files: dict[str, str]
    """File of each split."""
    max_sentences: dict[str, Positive] = Field(default_factory=dict)
    """Most sentences of a split: the first ones; all where a split is not named."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """Words and labels that lead to their heads, of each split."""
    splits = {}
    for name, file in options.files.items():
        found = list(conllu.read(source / file))[: options.max_sentences.get(name)]
        labels = [_labels(sentence, source / file) for sentence in found]
        splits[name] = Split([list(s.words) for s in found], labels)
    return splits


def _labels(sentence: Sentence, path: Path) -> list[str | None]:
    """Labels of the words of a sentence.

    Raises:
        DataError: two roots, a cycle, or a word without the part of speech that labels count.
    """
    where = f"{path}:{sentence.line}"
    heads.require_tree(sentence.words, sentence.heads, where=where)
    upos = [tag or "" for tag in sentence.upos]
    if "" in upos:
        what = f"word {upos.index('') + 1} has no part of speech"
        raise DataError(what, where=where, mend="fill the fourth column; labels of heads count it")
    labels = heads.encode(sentence.heads, upos)
    pairs = zip(labels, sentence.heads, strict=True)
    return [None if head == NO_HEAD else label for label, head in pairs]
