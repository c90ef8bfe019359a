"""The labelled data of a task, with the vectors of one representation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TypeVar, overload

from polyseme.models.base import Representation
from polyseme.tasks.common.prepared import PreparedTask
from polyseme.transfer.features import FeatureCache
from polyseme.transfer.labelled import Labelled
from polyseme.transfer.units import Units
from polyseme.transfer.vectors import Cached, Live

T = TypeVar("T")


class TaskVectors:
    """Splits of a task with the vectors of an untouched representation, encoded once.

    Args:
        load: gives the representation; called where vectors are not in the cache.
        task: the labelled data.
        cache: of vectors.
    """

    def __init__(
        self, load: Callable[[], Representation], task: PreparedTask, cache: FeatureCache
    ) -> None:
        self._load, self.task, self.cache = load, task, cache
        self._cached: dict[str, Labelled] = {}
        self._units: dict[str, Units] = {}

    @cached_property
    def _representation(self) -> Representation:
        return self._load()

    @cached_property
    def num_parameters(self) -> int:
        """Of the representation."""
        return self._representation.num_parameters()

    def labelled(self, split: str) -> Labelled:
        """All items of a split."""
        if split not in self._cached:
            sentences = self.task.splits[split].sentences
            vectors = Cached(self.cache.encode(lambda: self._representation, sentences))
            data, lengths = self.task.splits[split], [len(s) for s in sentences]
            targets, choices = self.task.targets(data), self.task.choices(data)
            self._cached[split] = Labelled(vectors, lengths, targets, data.places, choices)
        return self._cached[split]

    def units(self, split: str) -> Units:
        """All units of a split."""
        if split not in self._units:
            self._units[split] = Units.of(self.labelled(split), self.task.family)
        return self._units[split]


def live(
    representation: Representation, task: PreparedTask, split: str, chosen: Sequence[int] | None
) -> Labelled:
    """All items of a split, or the chosen ones, encoded in every step."""
    data = task.splits[split]
    if chosen is None:
        chosen = range(len(data))
    sentences = [data.sentences[i] for i in chosen]
    return Labelled(
        Live(representation, sentences),
        [len(s) for s in sentences],
        _chosen(task.targets(data), chosen),
        _chosen(data.places, chosen),
        _chosen(task.choices(data), chosen),
    )


def some(split: Labelled, chosen: Sequence[int]) -> Labelled:
    """The chosen items of a split whose vectors are there."""
    if not isinstance(split.vectors, Cached):
        raise TypeError("vectors are not there")
    return Labelled(
        split.vectors.chosen(chosen),
        _chosen(split.lengths, chosen),
        _chosen(split.targets, chosen),
        _chosen(split.places, chosen),
        _chosen(split.choices, chosen),
    )


@overload
def _chosen(column: Sequence[T], chosen: Sequence[int]) -> list[T]: ...
@overload
def _chosen(column: Sequence[T] | None, chosen: Sequence[int]) -> list[T] | None: ...
def _chosen(column: Sequence[T] | None, chosen: Sequence[int]) -> list[T] | None:
    return None if column is None else [column[i] for i in chosen]
