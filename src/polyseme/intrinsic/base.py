"""Intrinsic measures: nothing is trained but what a measure needs to read a vector.

A module has a `Config` (the values of conf/intrinsic/<name>.yaml), `FAMILIES` and

    measure(options, representation, material) -> rows of the results table

`FAMILIES` names the task families whose tasks it measures, one after the other; it is empty where
the corpus itself is measured, once. A module with `details(options, representation, material)`
leaves a JSON file beside the rows, one with `kept(...)`, of the same arguments, a table of single
items (a value for each) from which comparisons of several representations are made later.

What happens to pairs with an unknown word is told by a row's `strategy`: `skip` leaves them out,
`zero` lets them score 0 (or count as wrong), `backoff` takes a vector of the nearest known
form; the report adds `shared`, pairs that all representations know.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from polyseme.data import documents
from polyseme.data.split import Split as SplitName
from polyseme.models.base import Representation, Words
from polyseme.models.common.vocabulary import frequent
from polyseme.tasks import base as tasks
from polyseme.tasks.base import Split

POLICIES = ("skip", "zero")
CANDIDATE_COUNT = 2
"""How often a word occurs in the corpus to be a candidate of an analogy, or a neighbour."""


class Material:
    """What is measured: a task, or the corpus itself.

    Args:
        corpus: prepared corpus that the representation was trained on, or stands beside.
        task: prepared task; None where the corpus is measured.
        name: conf item of the task, or of the measure: column `task` of the results.
    """

    def __init__(self, corpus: Path, task: Path | None, name: str) -> None:
        self.corpus, self.task, self.name = corpus, task, name

    @cached_property
    def card(self) -> dict[str, Any]:
        """Card of the task: name, family, sizes."""
        return tasks.read_card(self.task) if self.task else {}

    @cached_property
    def test(self) -> Split:
        """The test split, which every task has."""
        return self.split("test")

    def split(self, name: SplitName) -> Split:
        """A split of the task; train and valid only where its family is trained as well."""
        if self.task is None:
            raise ValueError(f"{self.name} has no splits")
        return tasks.read(self.task, name)

    @cached_property
    def vocabulary(self) -> list[str]:
        """Frequent words of the corpus, as its tokenizer normalises them."""
        return frequent(self.corpus, CANDIDATE_COUNT)

    def sentences(self, split: SplitName, limit: int | None = None) -> Iterator[Words]:
        """Sentences of the corpus in order, words in their original casing."""
        return islice(documents.sentences(self.corpus, split), limit)


def word_vectors(representation: Representation, words: Sequence[str]) -> Tensor:
    """Unit-length vectors of words without context, h_LVD; the zero vector stays zero."""
    encoded = representation.encode([[word] for word in words])
    h_LVD = torch.cat(encoded, dim=1)
    return torch.nn.functional.normalize(h_LVD, dim=-1)
