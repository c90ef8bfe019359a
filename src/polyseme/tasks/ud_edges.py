"""Relations of a Universal Dependencies treebank as edges: a dependent word, its head, one label.

Of the edge tasks of Tenney et al. (2019) the one on dependencies, with single words as spans. The
label is the universal relation, what follows a colon cut off. Departures: some edges of a sentence,
not all; the root, which has no second word, is left out. Open heads and `_` are left out, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from pydantic import Field

from polyseme.config import config
from polyseme.data import conllu
from polyseme.tasks.base import Split
from polyseme.tasks.common import edges
from polyseme.tasks.common.edges import Tree
from polyseme.training.options import Positive

FAMILY = "edge"
PROBED_ONLY = True


@config
class Config:
    """Values of a conf/task/*.yaml with `module: ud_edges`."""

    module: str
    """This file."""
    source: str
    """Folder: artifact of the data set, or one of your own."""
    files: dict[str, str]
    """File of each split."""
    per_sentence: Positive
    """Most edges of a sentence; see tasks/common/edges.py for which."""
    max_sentences: dict[str, Positive] = Field(default_factory=dict)
    """Most sentences of a split: the first ones; all where a split is not named."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """Some edges of each sentence.

    Raises:
        DataError: naming file and line of a sentence whose heads are no tree.
    """
    return {
        name: edges.drawn(
            islice(_trees(source / file), options.max_sentences.get(name)),
            per_sentence=options.per_sentence,
        )
        for name, file in options.files.items()
    }


def _trees(path: Path) -> Iterator[Tree]:
    """Sentences of a file."""
    for sentence in conllu.read(path):
        universal = [relation.partition(":")[0] for relation in sentence.deprels]
        relations = [None if relation == "_" else relation for relation in universal]
        where = f"{path}:{sentence.line}"
        yield Tree(list(sentence.words), sentence.heads, relations, where)
