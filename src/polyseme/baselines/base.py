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
from polyseme.tasks.common.prepared import PreparedTask
from polyseme.tasks.families.base import IGNORE, Scored


class Unit(NamedTuple):
    """What a baseline sees.

    Attributes:
        text: the word, the marked words, or the sentence.
        context: all words of the item.
    """

    text: str
    context: str


class Units(NamedTuple):
    """Those of a split that have a label: what is seen, its label, item and place there."""

    seen: list[Unit]
    gold_N: np.ndarray
    item_N: np.ndarray
    unit_N: np.ndarray


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
        "num_items": len(test.gold_N),
    }
    predicted_N = predict(train.seen, train.gold_N, test.seen)
    scored = Scored(test.item_N, test.unit_N, test.gold_N, predicted_N, task.labels)
    for metric, value in task.score(scored).items():
        yield {**common, "control": False, "metric": metric, "value": value}
    if task.family.level == "word" and getattr(module, "HAS_CONTROL", True):
        for seed in seeds:
            made_N, gold_N = (
                control_labels([u.text for u in units.seen], train.gold_N, seed=seed)
                for units in (train, test)
            )
            value = float((predict(train.seen, made_N, test.seen) == gold_N).mean())
            yield {**common, "control": True, "seed": seed, "metric": "accuracy", "value": value}


def _units(task: PreparedTask, split: Split) -> Units:
    """What a baseline sees of each unit, and its label."""
    found: list[tuple[Unit, int, int, int]] = []
    marks: Sequence[Sequence[int] | None] = split.places or [None] * len(split)
    rows = zip(split.sentences, task.targets(split), marks, strict=True)
    for item, (words, targets, marked) in enumerate(rows):
        context = " ".join(word for word in words if word not in MARKS)
        shown = words if task.family.level == "word" else [context]
        if marked is not None:
            shown = [" ".join(words[p] for p in marked if words[p] not in MARKS) or context]
        for unit, (text, target) in enumerate(zip(shown, targets, strict=True)):
            if target != IGNORE:
                found.append((Unit(text, context), target, item, unit))
    seen, *numbers = zip(*found, strict=True)
    return Units(list(seen), *(np.array(column, dtype=np.int64) for column in numbers))
