"""Prepared tasks as fine-tuning, probes and baselines read them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from polyseme.tasks import base as tasks
from polyseme.tasks.families.base import METRICS, Family, Scored, get, is_trainable


class PreparedTask:
    """Splits and labels of one task, as fine-tuning and probing read them."""

    def __init__(self, folder: Path) -> None:
        self.card = tasks.read_card(folder)
        self.name: str = self.card["name"]
        self.family: Family = get(self.card["family"])
        self.main_metric: str = self.card.get("main_metric", self.family.main_metric)
        self.splits = {name: tasks.read(folder, name) for name in tasks.SPLITS}
        self.labels = self.family.fit(self.splits["train"].labels, task=self.name)
        self.index = {label: number for number, label in enumerate(self.labels)}

    def targets(self, split: tasks.Split) -> list[list[Any]]:
        """Label numbers (or values) of each item's units."""
        return self.family.targets(split.labels, self.index)

    def score(self, scored: Scored) -> dict[str, float]:
        """Metrics of the family, and the main metric of the task."""
        scores = self.family.score(scored)
        if self.main_metric in METRICS:
            found = METRICS[self.main_metric](scored.gold_N, scored.predicted_N)
            scores[self.main_metric] = found
        return scores


def trainable(folder: Path, names: Sequence[str]) -> list[str]:
    """Those of the tasks that have labels to train on."""
    return [n for n in names if is_trainable(tasks.read_card(folder / n)["family"])]


def classified(folder: Path, names: Sequence[str]) -> list[str]:
    """Those of them whose labels are classes: what probes and baselines can predict."""
    found = trainable(folder, names)
    return [n for n in found if get(tasks.read_card(folder / n)["family"]).has_classes]
