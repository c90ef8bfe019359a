"""Baselines that look at no representation: what a table of counts already knows.

A module has `predict(train, labels, test) -> labels`, over units: words, sentences or marked words.
One that cannot carry more than so many labels says so in MAX_LABELS. A label that a unit cannot
have is no answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from polyseme import items
from polyseme.models.base import MARKS
from polyseme.probes.base import control_labels, has_control
from polyseme.tasks.base import Split
from polyseme.tasks.common.prepared import PreparedTask
from polyseme.tasks.families.base import IGNORE, Scored


class Unit(NamedTuple):
    """What a baseline sees.

    Attributes:
        text: the word, what is asked about, the marked words, or the sentence.
        context: all words of the item.
        choices: label numbers that it may have; None where it may have any.
    """

    text: str
    context: str
    choices: Sequence[int] | None = None


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
    if len(task.labels) > getattr(module, "MAX_LABELS", len(task.labels)):
        return
    train, test = (_units(task, task.splits[split]) for split in ("train", "test"))
    common = {
        "stage": "baseline",
        "representation": name,
        "task": task.name,
        "split": "test",
        "train_size": len(task.splits["train"]),
        "num_items": len(test.gold_N),
    }
    predicted_N = _answers(predict(train.seen, train.gold_N, test.seen), test.seen)
    scored = Scored(test.item_N, test.unit_N, test.gold_N, predicted_N, task.names)
    for metric, value in task.score(scored).items():
        yield {**common, "control": False, "metric": metric, "value": value}
    is_controlled = has_control(task.family.level, len({unit.text for unit in train.seen}))
    if is_controlled and getattr(module, "HAS_CONTROL", True):
        for seed in seeds:
            made_N, gold_N = (
                control_labels([u.text for u in units.seen], train.gold_N, seed=seed)
                for units in (train, test)
            )
            value = float((predict(train.seen, made_N, test.seen) == gold_N).mean())
            yield {**common, "control": True, "seed": seed, "metric": "accuracy", "value": value}


def _answers(predicted_N: np.ndarray, seen: Sequence[Unit]) -> np.ndarray:
    """The predicted labels, IGNORE where a unit cannot have it."""
    pairs = zip(predicted_N.tolist(), seen, strict=True)
    return np.array([n if u.choices is None or n in u.choices else IGNORE for n, u in pairs])


def _units(task: PreparedTask, split: Split) -> Units:
    """What a baseline sees of each unit, and its label."""
    found: list[tuple[Unit, int, int, int]] = []
    choices = task.choices(split)
    for item, targets in enumerate(task.targets(split)):
        context = " ".join(word for word in split.sentences[item] if word not in MARKS)
        shown = _shown(task, split, item, context)
        for unit, (text, target) in enumerate(zip(shown, targets, strict=True)):
            if target != IGNORE:
                allowed = None if choices is None else choices[item][unit]
                found.append((Unit(text, context, allowed), target, item, unit))
    seen, *numbers = zip(*found, strict=True)
    return Units(list(seen), *(np.array(column, dtype=np.int64) for column in numbers))


def _shown(task: PreparedTask, split: Split, item: int, context: str) -> Sequence[str]:
    """Text of each unit of an item."""
    words = split.sentences[item]
    if split.keys is not None:
        return split.keys[item]
    if split.places is not None and task.family.level == "word":
        return [words[place] for place in split.places[item]]
    if split.places is not None:
        marked = [words[place] for place in task.family.marked(split.places[item])]
        return [" ".join(word for word in marked if word not in MARKS) or context]
    return words if task.family.level == "word" else [context]
