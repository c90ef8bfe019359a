"""The labelled data of a task, with the vectors of one representation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from polyseme.models.base import Representation
from polyseme.tasks.common.prepared import PreparedTask
from polyseme.transfer.features import FeatureCache
from polyseme.transfer.fixed import Units
from polyseme.transfer.labelled import Labelled
from polyseme.transfer.vectors import Cached, Live


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
            data = self.task.splits[split]
            self._cached[split] = Labelled(
                vectors, [len(s) for s in sentences], self.task.targets(data), data.places
            )
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
    targets = task.targets(data)
    if chosen is None:
        chosen = range(len(data))
    sentences = [data.sentences[i] for i in chosen]
    places = None if data.places is None else [data.places[i] for i in chosen]
    lengths = [len(s) for s in sentences]
    return Labelled(Live(representation, sentences), lengths, [targets[i] for i in chosen], places)


def some(split: Labelled, chosen: Sequence[int]) -> Labelled:
    """The chosen items of a split whose vectors are there."""
    if not isinstance(split.vectors, Cached):
        raise TypeError("vectors are not there")
    places = None if split.places is None else [split.places[i] for i in chosen]
    lengths = [split.lengths[i] for i in chosen]
    targets = [split.targets[i] for i in chosen]
    return Labelled(split.vectors.chosen(chosen), lengths, targets, places)
