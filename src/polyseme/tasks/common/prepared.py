"""Prepared tasks as fine-tuning, probes and baselines read them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from polyseme.tasks import base as tasks
from polyseme.tasks.families.base import METRICS, Choices, Family, Scored, get, is_trainable


class PreparedTask:
    """Splits and labels of one task, as fine-tuning and probing read them.

    Attributes:
        labels: of the training split: what can be predicted.
        names: the same, then those of other splits that training lacks, where the family asks.
    """

    def __init__(self, folder: Path) -> None:
        self.card = tasks.read_card(folder)
        self.name: str = self.card["name"]
        self.family: Family = get(self.card["family"])
        self.main_metric: str = self.card.get("main_metric", self.family.main_metric)
        self.splits = {name: tasks.read(folder, name) for name in tasks.SPLITS}
        self.labels = self.family.fit(self.splits["train"].labels, task=self.name)
        self.names = [*self.labels, *(self._unseen() if self.family.names_unseen else [])]
        self.index = {label: number for number, label in enumerate(self.names)}

    def _unseen(self) -> list[str]:
        """Labels that training lacks."""
        labels = [label for split in self.splits.values() for label in split.labels]
        return sorted(set(tasks.label_names(labels)) - set(self.labels))

    def targets(self, split: tasks.Split) -> list[list[Any]]:
        """Label numbers (or values) of each item's units."""
        return self.family.targets(split.labels, self.index)

    @cached_property
    def _by_key(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for number, label in enumerate(self.labels):
            found.setdefault(label.partition(tasks.KEY_END)[0], []).append(number)
        return found

    def choices(self, split: tasks.Split) -> list[Choices] | None:
        """Label numbers that each unit of each item may have; None where it may have any."""
        if split.keys is None:
            return None
        return [[self._by_key.get(key, []) for key in keys] for keys in split.keys]

    def score(self, scored: Scored) -> dict[str, float]:
        """Metrics of the family, and the main metric of the task."""
        scores = self.family.score(scored)
        if self.main_metric in METRICS:
            found = METRICS[self.main_metric](scored.gold_N, scored.predicted_N)
            scores[self.main_metric] = found
        return scores


def trainable(folder: Path, names: Sequence[str]) -> list[str]:
    """Those of the tasks that something is fine-tuned for."""
    found = labelled(folder, names)
    return [n for n in found if not tasks.read_card(folder / n).get("probed_only")]


def classified(folder: Path, names: Sequence[str]) -> list[str]:
    """Those of them whose labels are classes: what probes and baselines can predict."""
    found = labelled(folder, names)
    return [n for n in found if get(tasks.read_card(folder / n)["family"]).has_classes]


def labelled(folder: Path, names: Sequence[str]) -> list[str]:
    """Those of them that have labels to train on: what may be probed."""
    return [n for n in names if is_trainable(tasks.read_card(folder / n)["family"])]
