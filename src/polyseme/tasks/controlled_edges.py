"""Relations of the controlled language as edges: a dependent word, its head, one label.

As `ud_edges`, from the trees that the grammar drew; see there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain, islice
from pathlib import Path

from polyseme.config import config
from polyseme.data.split import Split as SplitName
from polyseme.language import gold
from polyseme.tasks.base import Split
from polyseme.tasks.common import controlled, edges
from polyseme.tasks.common.edges import Tree
from polyseme.training.options import Positive

FAMILY = "edge"
PROBED_ONLY = True


@config
class Config:
    """Values of conf/task/edges.yaml."""

    module: str
    """This file."""
    source: str
    """Artifact of a controlled corpus."""
    num_sentences: dict[SplitName, Positive]
    """Sentences of each split."""
    per_sentence: Positive
    """Most edges of a sentence; see tasks/common/edges.py for which."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """Some edges of the first sentences of each split.

    Raises:
        DataError: naming document and sentence whose heads are no tree.
    """
    return {
        name: edges.drawn(islice(_trees(source, name), size), per_sentence=options.per_sentence)
        for name, size in options.num_sentences.items()
    }


def _trees(source: Path, split: SplitName) -> Iterator[Tree]:
    """Sentences of a split."""
    for row in chain.from_iterable(controlled.documents(source, split)):
        relations = [relation.partition(":")[0] for relation in row["relations"]]
        where = f"{source / gold.FILE}, document {row['doc_id']}, sentence {row['sentence'] + 1}"
        yield Tree(row["words"], row["heads"], relations, where)
