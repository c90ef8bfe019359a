"""Probe one representation on one task: all layers, seeds, real labels and the control task.

Of classifiers: accuracy on real labels, accuracy on the control task, and their difference, the
selectivity (Hewitt & Liang 2019): a probe that can memorise word types scores high on both.

Shapes: L layers, M test units, V labellings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from polyseme import items
from polyseme.config import build
from polyseme.probes.base import MAX_LABELS, Probed, ProbeData
from polyseme.probes.common.labellings import (
    Labelling,
    Units,
    keys_of,
    labels_of,
    most_units,
    units_of,
)
from polyseme.tasks.common.prepared import PreparedTask
from polyseme.tasks.families.base import restrict

Keep = Callable[[dict[str, Any]], None]
"""Takes rows of results.PROBED_SCHEMA, without the representation."""


def evaluate(
    name: str, values: Mapping[str, Any], probed: Probed, keep: Keep | None = None
) -> Iterator[dict[str, Any]]:
    """Rows of the results table, without what the caller knows (representation, corpus).

    Args:
        name: conf item of the probe.
        values: its options.
        keep: is given which answers a classifier had right, of real labels and the full rank.

    Nothing for a task that the probe cannot read, or with more than MAX_LABELS labels.
    """
    module = items.load("probe", name)
    options = build(module.Config, values, file=f"conf/probe/{name}.yaml", key=f"probe.{name}")
    common = {"stage": "probe", "task": probed.task.name, "probe": name}
    if hasattr(module, "measure"):
        found = module.measure(options, probed) if module.suits(probed.task.family) else ()
    elif probed.task.family.has_classes and len(probed.task.labels) <= MAX_LABELS:
        about = {"task": probed.task.name, "probe": name}
        found = _classified(module, options, probed, lambda of: keep and keep(about | of))
    else:
        found = ()
    yield from ({**common, **row} for row in found)


def _classified(
    module: ModuleType, options: Any, probed: Probed, keep: Keep
) -> Iterator[dict[str, Any]]:
    """Rows of a classifier."""
    task = probed.task
    train = units_of(probed, "train", most_units(probed, options))
    test = units_of(probed, "test", None)
    keys = keys_of(probed)
    gold = {key: labels_of(train, test, key) for key in keys}
    data = ProbeData(
        train_LND=train.h_LND,
        test_LMD=test.h_LND,
        labels_VN=torch.from_numpy(np.stack([gold[key][0] for key in keys])).to(probed.device),
        seeds_V=[key.seed for key in keys],
        num_labels=len(task.labels),
        allowed_MVC=_allowed(test, keys, task),
    )
    found = module.predict(options, data)
    by_rank = found if isinstance(found, Mapping) else {None: found}
    common = {"split": "test", "train_size": train.num_items, "num_items": len(test.gold_N)}
    for rank, labels_LVM in by_rank.items():
        for layer, labels_VM in enumerate(labels_LVM.cpu().numpy()):
            right = {
                key: task.family.right(gold[key][1], labels_VM[v], task.names)
                for v, key in enumerate(keys)
            }
            for key in keys if rank is None else ():
                if not key.control:
                    keep({"layer": str(layer), "seed": key.seed} | _sums(right[key], test.items_N))
            accuracy = {key: float(right_M.mean()) for key, right_M in right.items()}
            yield from _rows(accuracy, {**common, "rank": rank, "layer": str(layer)})


def _sums(right_M: np.ndarray, items_M: np.ndarray) -> dict[str, list[int]]:
    """Right answers and units of each item."""
    return {
        "right": np.bincount(items_M, weights=right_M).astype(int).tolist(),
        "units": np.bincount(items_M).tolist(),
    }


def _allowed(test: Units, keys: Sequence[Labelling], task: PreparedTask) -> Tensor | None:
    """Labels that each test unit may have; any in the control task."""
    if test.choices is None:
        return None
    zeros_MC = torch.zeros(len(test.choices), len(task.labels))
    allowed_MC = restrict(zeros_MC, test.choices).isfinite().to(test.h_LND.device)
    return torch.stack([allowed_MC | key.control for key in keys], dim=1)


def _rows(
    accuracy: Mapping[Labelling, float], common: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    for (control, seed), value in accuracy.items():
        yield {**common, "control": control, "seed": seed, "metric": "accuracy", "value": value}
    for (control, seed), value in accuracy.items():
        if control:
            left = accuracy[Labelling(False, seed)] - value
            row = {**common, "control": False, "seed": seed}
            yield row | {"metric": "selectivity", "value": left}
