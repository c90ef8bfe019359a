"""From a conf/task file to splits and card: what all readers share, and none has to repeat.

Besides the values of its reader, every conf/task/*.yaml may have those of `Common`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from pydantic import Field

from polyseme import items
from polyseme.config import build, config
from polyseme.data.split import Split as SplitName
from polyseme.errors import ConfigError, DataError
from polyseme.tasks import base
from polyseme.tasks.base import Split
from polyseme.tasks.common import duplicates
from polyseme.tasks.families.base import METRICS, Family, get, is_trainable
from polyseme.tasks.families.edge import require_spans
from polyseme.tasks.families.span_pair import Family as SpanPair
from polyseme.training.options import Positive


@config
class Common:
    """Values that every conf/task/*.yaml may have."""

    drop_duplicates: bool = False
    """Drop items of `train` that occur in another split, too. The card tells how many there are
    in any case."""
    at_most: dict[SplitName, Positive] = Field(default_factory=dict)
    """Most items of a split, drawn as label budgets are: for a smaller budget of computing. The
    card tells how many there were."""
    main_metric: str | None = None
    """By which representations are compared; null: that of the module or the family."""


class Task(NamedTuple):
    """A conf/task file that has been checked."""

    name: str
    module: ModuleType
    options: Any
    common: Common

    @property
    def family(self) -> str:
        """Of the module; of the conf file where a module serves several."""
        found: str = getattr(self.module, "FAMILY", None) or self.options.family
        return found


def configured(name: str, values: Mapping[str, Any]) -> Task:
    """Check the values of conf/task/<name>.yaml.

    Raises:
        ConfigError: naming file, key and what is allowed.
    """
    file, key = f"conf/task/{name}.yaml", f"task.{name}"
    if "module" not in values:
        known = ", ".join(items.available("task"))
        raise ConfigError("key 'module' is missing", where=file, mend=f"one of {known}")
    module = items.load("task", values["module"])
    shared = {field.name for field in dataclasses.fields(Common)}
    common = build(Common, {k: v for k, v in values.items() if k in shared}, file=file, key=key)
    own = {k: v for k, v in values.items() if k not in shared}
    task = Task(name, module, build(module.Config, own, file=file, key=key), common)
    _check_metric(task, file=file)
    return task


def _check_metric(task: Task, *, file: str) -> None:
    """Raise where the main metric is none that is measured."""
    metric = task.common.main_metric
    if metric is None:
        return
    known = [*METRICS, *get(task.family).metrics] if is_trainable(task.family) else []
    if metric not in known:
        raise ConfigError(
            f"task.{task.name}.main_metric = {metric!r} is not measured",
            where=file,
            mend=f"one of {', '.join(known)}" if known else "leave it out: nothing is trained",
        )


def prepare(task: Task, source: Path) -> tuple[dict[str, Split], dict[str, Any]]:
    """Splits and card.

    Raises:
        DataError: the source cannot be read, or nothing can be learned from it.
    """
    splits: dict[str, Split] = dict(task.module.prepare(task.options, source))
    card = {"name": task.name, "family": task.family, "source": task.options.source}
    told = f"conf/task/{task.name}.yaml, source {task.options.source}"
    if is_trainable(task.family):
        base.require_splits(splits, task=told)
        family = get(task.family)
        for name, split in splits.items():
            require_places(split, family, where=f"{task.name}, split {name!r}")
        splits, notes = _compared(splits, task.common)
        base.require_items(splits, task=told)
        if task.common.at_most:
            notes["drawn_from"] = {name: len(split) for name, split in splits.items()}
            splits = {name: _drawn(name, split, task) for name, split in splits.items()}
        if family.has_classes:
            notes |= _unseen(splits, family)
        card |= notes | {"main_metric": _main_metric(task)}
        card["probed_only"] = getattr(task.module, "PROBED_ONLY", family.probed_only)
        family.fit(splits["train"].labels, task=told)
    if hasattr(task.module, "facts"):
        card |= task.module.facts(task.options, source)
    return splits, card


def require_places(split: Split, family: Family, *, where: str) -> None:
    """Refuse items that speak of words which they do not have.

    Raises:
        DataError: naming the item.
    """
    for item, (words, places) in enumerate(zip(split.sentences, split.places or [], strict=False)):
        here = f"{where}, item {item}"
        if isinstance(family, SpanPair):
            require_spans(words, places, where=here)
        elif not all(0 <= place < len(words) for place in places):
            what = f"words {list(places)} are not all among its {len(words)} words"
            raise DataError(what, where=here, mend="mend its task's module: words count from 0")


def _drawn(name: str, split: Split, task: Task) -> Split:
    """At most so many items of a split as the conf says."""
    limits = {str(key): size for key, size in task.common.at_most.items()}
    size = min(limits.get(name, len(split)), len(split))
    return split.chosen(base.budget_items(split, size, task=task.name))


def _main_metric(task: Task) -> str:
    of_module: str = getattr(task.module, "MAIN_METRIC", get(task.family).main_metric)
    return task.common.main_metric or of_module


def _compared(splits: dict[str, Split], common: Common) -> tuple[dict[str, Split], dict[str, Any]]:
    """Splits without what `train` may not have, and what the card tells of it."""
    notes: dict[str, Any] = {"also_in_train": duplicates.in_train(splits)}
    if common.drop_duplicates:
        train = splits["train"]
        held_out = duplicates.known(split for name, split in splits.items() if name != "train")
        splits = splits | {"train": duplicates.without(train, held_out)}
        notes["dropped_from_train"] = len(train) - len(splits["train"])
    return splits, notes


def _unseen(splits: Mapping[str, Split], family: Family) -> dict[str, Any]:
    """Labels of other splits that no training item has: whoever has one is predicted wrongly."""
    seen = set(base.label_names(splits["train"].labels))
    found = {
        name: [
            label
            for label in base.label_names(split.labels)
            if seen.isdisjoint(family.alternatives(label))
        ]
        for name, split in splits.items()
        if name != "train"
    }
    return {"unseen_labels": found} if any(found.values()) else {}
