"""The labelled data of a task, with the vectors of one representation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from polyseme.models.base import Representation
from polyseme.tasks.common.prepared import PreparedTask
from polyseme.transfer.finetune import Labelled
from polyseme.transfer.vectors import Cached, Live, Vectors


class TaskVectors:
    """Splits of a task with their vectors: encoded once, or live."""

    def __init__(self, load: Callable[[], Representation], task: PreparedTask) -> None:
        self.load, self.task = load, task
        self._encoded: dict[str, Cached] = {}

    @cached_property
    def representation(self) -> Representation:
        """Loaded at first use."""
        return self.load()

    def labelled(self, split: str, chosen: Sequence[int] | None, *, live: bool) -> Labelled:
        """All items of a split, or the chosen ones."""
        data = self.task.splits[split]
        targets = self.task.targets(data)
        if chosen is None:
            chosen = range(len(data))
        lengths = [len(data.sentences[i]) for i in chosen]
        vectors: Vectors
        if live:
            vectors = Live(self.representation, [data.sentences[i] for i in chosen])
        else:
            vectors = self._cached(split).chosen(chosen)
        places = None if data.places is None else [data.places[i] for i in chosen]
        return Labelled(vectors, lengths, [targets[i] for i in chosen], places)

    def _cached(self, split: str) -> Cached:
        if split not in self._encoded:
            sentences = self.task.splits[split].sentences
            self._encoded[split] = Cached.encode(self.representation, sentences)
        return self._encoded[split]
