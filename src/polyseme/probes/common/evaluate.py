"""Probe one representation on one task: all layers, seeds, real labels and the control task.

Accuracy on real labels, accuracy on the control task, and their difference, the selectivity
(Hewitt & Liang 2019): a probe that can memorise word types scores high on both.

Shapes: L layers, N training units, M test units, D dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from polyseme import items
from polyseme.config import build
from polyseme.draws import philox
from polyseme.models.base import Words
from polyseme.probes.base import ProbeData, control_labels
from polyseme.tasks.base import Split
from polyseme.tasks.common.prepared import PreparedTask
from polyseme.tasks.families.base import IGNORE

STREAM = 6
Encode = Callable[[Sequence[Words]], list[Tensor]]


class Units(NamedTuple):
    """Scored units of a split: vectors, gold label numbers, the word of each."""

    h_LND: Tensor
    gold_N: np.ndarray
    words: list[str]
    num_items: int


def units(encode: Encode, task: PreparedTask, split: Split, most: int | None) -> Units:
    """Encode a split and keep the units that have a label; at most `most`, chosen at random."""
    targets = task.targets(split)
    places = [
        (item, unit)
        for item, row in enumerate(targets)
        for unit, target in enumerate(row)
        if target != IGNORE and len(split.sentences[item])
    ]
    if most is not None and len(places) > most:
        chosen = philox(0, STREAM).choice(len(places), most, replace=False)
        places = [places[i] for i in np.sort(chosen)]
    needed = sorted({item for item, _ in places})
    encoded = dict(zip(needed, encode([split.sentences[i] for i in needed]), strict=True))
    per_item = {item: _of_item(task, split, item, h_LTD) for item, h_LTD in encoded.items()}
    h_LND = torch.stack([per_item[item][:, unit] for item, unit in places], dim=1)
    gold_N = np.array([targets[item][unit] for item, unit in places])
    words = [split.sentences[item][unit] for item, unit in places]
    return Units(h_LND, gold_N, words, len(needed))


def _of_item(task: PreparedTask, split: Split, item: int, h_LTD: Tensor) -> Tensor:
    """Vectors of an item's units, in every layer."""
    places_LP = None
    if split.places is not None:
        places_LP = torch.tensor([split.places[item]] * len(h_LTD))
    return task.family.units(h_LTD, torch.ones(h_LTD.shape[:2], dtype=torch.bool), places_LP)


def evaluate(
    name: str,
    values: Mapping[str, Any],
    encode: Encode,
    task: PreparedTask,
    *,
    seeds: Sequence[int],
) -> Iterator[dict[str, Any]]:
    """Rows of the results table, without what the caller knows (representation, corpus).

    Args:
        name: conf item of the probe.
        values: its options.
        encode: vectors h_LTD of each sentence under the representation.
    """
    module = items.load("probe", name)
    options = build(module.Config, values, file=f"conf/probe/{name}.yaml", key=f"probe.{name}")
    train = units(encode, task, task.splits["train"], options.max_units)
    test = units(encode, task, task.splits["test"], None)
    controls = [False, True] if task.family.level == "word" else [False]
    labellings = [(control, seed) for control in controls for seed in seeds]
    gold = {key: _labels(train, test, control=key[0], seed=key[1]) for key in labellings}
    data = ProbeData(
        train_LND=train.h_LND,
        test_LMD=test.h_LND,
        labels_VN=torch.from_numpy(np.stack([gold[key][0] for key in labellings])),
        seeds_V=[seed for _, seed in labellings],
        num_labels=len(task.labels),
    )
    predicted_LVM = module.predict(options, data).cpu().numpy()
    common: dict[str, Any] = {"stage": "probe", "task": task.name, "probe": name, "split": "test"}
    common |= {"train_size": train.num_items, "num_items": len(test.gold_N)}
    for layer, predicted_VM in enumerate(predicted_LVM):
        accuracy = {
            key: float((predicted_VM[v] == gold[key][1]).mean()) for v, key in enumerate(labellings)
        }
        yield from _rows(accuracy, {**common, "layer": str(layer)})


def _labels(
    train: Units, test: Units, *, control: bool, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Labels of training and test units."""
    if not control:
        return train.gold_N, test.gold_N
    return (
        control_labels(train.words, train.gold_N, seed=seed),
        control_labels(test.words, train.gold_N, seed=seed),
    )


def _rows(
    accuracy: Mapping[tuple[bool, int], float], common: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    for (control, seed), value in accuracy.items():
        yield {**common, "control": control, "seed": seed, "metric": "accuracy", "value": value}
    for (control, seed), value in accuracy.items():
        if control:
            difference = accuracy[False, seed] - value
            yield {
                **common,
                "control": False,
                "seed": seed,
                "metric": "selectivity",
                "value": difference,
            }
