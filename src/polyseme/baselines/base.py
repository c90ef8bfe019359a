"""Baselines that look at no representation: what a table of counts already knows.

A module has `predict(train, labels, test) -> labels`, over units: words, sentences or marked words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from polyseme import items
from polyseme.models.base import MARKS
from polyseme.probes.base import control_labels
from polyseme.tasks.base import Split
from polyseme.tasks.common.families import IGNORE
from polyseme.tasks.common.prepared import PreparedTask


class Unit(NamedTuple):
    """What a baseline sees.

    Attributes:
        text: the word, the marked words, or the sentence.
        context: all words of the item.
    """

    text: str
    context: str


Units = tuple[list[Unit], np.ndarray]


def evaluate(name: str, task: PreparedTask, *, seeds: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Rows of the results table: real labels, and the control task for each seed."""
    module = items.load("baseline", name)
    predict = module.predict
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
    if task.family.level == "word" and getattr(module, "HAS_CONTROL", True):
        for seed in seeds:
            made = [
                (units, control_labels([u.text for u in units], train[1], seed=seed))
                for units, _ in (train, test)
            ]
            value = float((predict(*made[0], test[0]) == made[1][1]).mean())
            yield {**common, "control": True, "seed": seed, "metric": "accuracy", "value": value}


def _units(task: PreparedTask, split: Split) -> Units:
    """What a baseline sees of each unit, and its label."""
    units, gold = [], []
    places: Sequence[Sequence[int] | None] = split.places or [None] * len(split)
    rows = zip(split.sentences, task.targets(split), places, strict=True)
    for words, targets, marked in rows:
        context = " ".join(word for word in words if word not in MARKS)
        shown = words if task.family.level == "word" else [context]
        if marked is not None:
            shown = [" ".join(words[place] for place in marked)]
        for text, target in zip(shown, targets, strict=True):
            if target != IGNORE:
                units.append(Unit(text, context))
                gold.append(target)
    return units, np.array(gold, dtype=np.int64)
