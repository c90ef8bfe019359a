"""Baselines that look at no representation: what a table of counts already knows.

A module has `predict(words, labels, test_words) -> labels`, over units (words or sentences).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from polyseme import items
from polyseme.probes.base import control_labels
from polyseme.tasks.base import Split
from polyseme.tasks.common.families import IGNORE
from polyseme.tasks.common.prepared import PreparedTask

Units = tuple[list[str], np.ndarray]


def evaluate(name: str, task: PreparedTask, *, seeds: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Rows of the results table: real labels, and the control task for each seed."""
    predict = items.load("baseline", name).predict
    train, test = (_units(task, task.splits[split]) for split in ("train", "test"))
    common = {
        "stage": "baseline",
        "representation": name,
        "task": task.name,
        "split": "test",
        "train_size": len(task.splits["train"]),
        "num_items": len(test[1]),
    }
    for metric, value in task.family.score(test[1], predict(*train, test[0])).items():
        yield {**common, "control": False, "metric": metric, "value": value}
    if task.family.level == "word":
        for seed in seeds:
            made = [
                (words, control_labels(words, train[1], seed=seed)) for words, _ in (train, test)
            ]
            value = float((predict(*made[0], test[0]) == made[1][1]).mean())
            yield {**common, "control": True, "seed": seed, "metric": "accuracy", "value": value}


def _units(task: PreparedTask, split: Split) -> Units:
    """What a baseline sees of each unit (its word, or the sentence as text) and its label."""
    texts, gold = [], []
    for words, targets in zip(split.sentences, task.targets(split), strict=True):
        shown = words if task.family.level == "word" else [" ".join(words)]
        for text, target in zip(shown, targets, strict=True):
            if target != IGNORE:
                texts.append(text)
                gold.append(target)
    return texts, np.array(gold, dtype=np.int64)
