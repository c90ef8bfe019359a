"""Prepared tasks as fine-tuning, probes and baselines read them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from polyseme.tasks import base as tasks
from polyseme.tasks.common.families import FAMILIES, Family, require_labels


class PreparedTask:
    """Splits and labels of one task, as fine-tuning and probing read them."""

    def __init__(self, folder: Path) -> None:
        self.card = tasks.read_card(folder)
        self.name: str = self.card["name"]
        self.family: Family = FAMILIES[self.card["family"]]
        self.splits = {name: tasks.read(folder, name) for name in tasks.SPLITS}
        self.labels = tasks.label_names(self.splits["train"].labels)
        require_labels(self.labels, task=self.name)
        self.index = {label: number for number, label in enumerate(self.labels)}

    def targets(self, split: tasks.Split) -> list[list[int]]:
        """Label numbers of each item's units."""
        return self.family.targets(split.labels, self.index)

    def label(self, number: int) -> str:
        """Name of a label; the number after the last stands for one unseen in training."""
        return self.labels[number] if number < len(self.labels) else "<unseen>"


def trainable(folder: Path, names: Sequence[str]) -> list[str]:
    """Those of the tasks that have labels to train on."""
    return [n for n in names if tasks.read_card(folder / n)["family"] in FAMILIES]
