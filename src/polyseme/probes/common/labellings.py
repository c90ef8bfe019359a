"""Units of a task and their labels: real ones, and those of the control task.

Shapes: L layers, N training units, P validation units, M test units, D dimensions, V labellings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from polyseme.data.split import Split as SplitName
from polyseme.data.words import told_apart
from polyseme.draws import philox
from polyseme.errors import ConfigError
from polyseme.models.base import Words
from polyseme.probes.base import MAX_LABELS, Encode, Probed, control_labels, has_control
from polyseme.probes.common.fitting import Fitting
from polyseme.tasks.base import Split
from polyseme.tasks.common.prepared import PreparedTask
from polyseme.tasks.families.base import IGNORE, Choices
from polyseme.transfer.encoded import Picked

STREAM = 6
GIB = 2**30
NUMBER = 4
"""Bytes of a number."""
BYTES = 2 * NUMBER
"""With its scaled copy."""
WORK, BOOK = 64 * 2**20, 160
"""Bytes for what is no vector: weights, a batch, the code; and what is noted of each unit of the
training split and of the one beside, chosen or not (measured by benchmarks/probe_memory.py)."""


class Labelling(NamedTuple):
    """Real labels or those of the control task, and a seed."""

    control: bool
    seed: int


class Units(NamedTuple):
    """Scored units of a split: vectors, gold label numbers; word, choices and item of each.

    Items are numbered in the order of the split, those without a unit left out.
    """

    h_LND: Tensor
    gold_N: np.ndarray
    words: list[str]
    choices: Choices | None
    items_N: np.ndarray

    @property
    def num_items(self) -> int:
        """How many items have units."""
        return len(np.unique(self.items_N))


class Labelled(NamedTuple):
    """Training and validation units with the label numbers of every labelling."""

    keys: list[Labelling]
    train: Units
    labels_VN: Tensor
    valid: Units
    valid_VP: Tensor


def keys_of(probed: Probed) -> list[Labelling]:
    """All labellings of a task; the control task needs words, and many types of them."""
    is_controlled = has_control(probed.task.family.level, _num_types(probed.task))
    controls = [False, True] if is_controlled else [False]
    return [Labelling(control, seed) for control in controls for seed in probed.seeds]


def _num_types(task: PreparedTask) -> int:
    """Word types of the training units."""
    split = task.splits["train"]
    return len({_word(split, *place) for place in _places(task.targets(split), split)})


def labelled(probed: Probed, options: Fitting, *, max_valid: int) -> Labelled | None:
    """Units of train and valid; None where a task has too many labels."""
    task = probed.task
    if len(task.labels) > MAX_LABELS:
        return None
    train = units_of(probed, "train", most_units(probed, options, "valid", max_valid))
    valid = units_of(probed, "valid", max_valid)
    known = torch.from_numpy(np.flatnonzero(valid.gold_N < len(task.labels)))
    valid = Units(
        valid.h_LND[:, known], valid.gold_N[known], [valid.words[n] for n in known.tolist()],
        None, valid.items_N[known],
    )  # fmt: skip
    keys = keys_of(probed)
    pairs = [labels_of(train, valid, key) for key in keys]
    train_VN, valid_VP = (
        torch.from_numpy(np.stack([pair[side] for pair in pairs])).to(probed.device)
        for side in (0, 1)
    )
    return Labelled(keys, train, train_VN, valid, valid_VP)


def labels_of(train: Units, other: Units, key: Labelling) -> tuple[np.ndarray, np.ndarray]:
    """Labels of training and other units in a labelling."""
    if not key.control:
        return train.gold_N, other.gold_N
    return (
        control_labels(train.words, train.gold_N, seed=key.seed),
        control_labels(other.words, train.gold_N, seed=key.seed),
    )


def most_units(
    probed: Probed, options: Any, beside: SplitName = "test", most_beside: int | None = None
) -> int:
    """How many training units may be chosen, and fit into the memory that is allowed.

    Args:
        options: of a probe; where it has no `max_units` or `max_gib`, those of Fitting are taken.
        beside: split whose vectors are there too, at most so many.

    Raises:
        ConfigError: the vectors beside alone need more.
    """
    usual = Fitting()
    width = probed.task.family.width(probed.dim)
    places = {name: _number(probed.task, name) for name in ("train", beside)}
    number = min(places[beside], places[beside] if most_beside is None else most_beside)
    max_gib = getattr(options, "max_gib", usual.max_gib)
    held = WORK + BOOK * sum(places.values()) + number * NUMBER * probed.num_layers * width
    left = max_gib * GIB - held
    if left <= 0:
        raise ConfigError(
            f"{number:,} {beside} units of {probed.task.name}, and what is noted of each of its "
            f"{sum(places.values()):,} units, take {held / GIB:.3g} GiB, and max_gib = {max_gib:g}",
            where="conf/probe",
            mend="raise max_gib of the probe, or make the task smaller",
        )
    return min(
        getattr(options, "max_units", usual.max_units),
        most_vectors(left / GIB, probed.num_layers, width),
    )


def _number(task: PreparedTask, name: SplitName) -> int:
    """Units of a split that have a label."""
    return len(_places(task.targets(task.splits[name]), task.splits[name]))


def most_vectors(max_gib: float, layers: int, dim: int) -> int:
    """How many vectors of all layers fit into so much memory, at least one."""
    return max(1, int(max_gib * GIB / (BYTES * layers * dim)))


def units_of(probed: Probed, name: SplitName, most: int | None) -> Units:
    """Units of a split of the task, their vectors where probes are trained."""
    found = units(probed.encode, probed.task, probed.task.splits[name], most)
    return found._replace(h_LND=found.h_LND.to(probed.device))


def units(encode: Encode, task: PreparedTask, split: Split, most: int | None) -> Units:
    """Encode a split and keep the units that have a label; at most `most`, chosen at random."""
    targets = task.targets(split)
    places = _places(targets, split)
    if most is not None:
        places = [places[i] for i in drawn(len(places), most)]
    h_LND = _vectors(encode, task, split, places)
    choices = task.choices(split)
    return Units(
        h_LND,
        np.array([targets[item][unit] for item, unit in places], dtype=np.int64),
        [_word(split, item, unit) for item, unit in places],
        None if choices is None else [choices[item][unit] for item, unit in places],
        np.unique([item for item, _ in places], return_inverse=True)[1],
    )


def drawn(number: int, most: int, *, stream: int = STREAM) -> list[int]:
    """At most so many of the numbers below `number`, rising: fewer are among more."""
    return sorted(philox(0, stream).permutation(number)[:most].tolist())


def _places(targets: list[list[Any]], split: Split) -> list[tuple[int, int]]:
    """Item and number of each unit that has a label."""
    return [
        (item, unit)
        for item, row in enumerate(targets)
        for unit, target in enumerate(row)
        if target != IGNORE and len(split.sentences[item])
    ]


def encode_once(encode: Encode, texts: Sequence[Words]) -> Sequence[Tensor]:
    """Vectors of each text; equal texts are encoded once."""
    keys = [told_apart(text) for text in texts]
    different = {key: list(text) for key, text in zip(keys, texts, strict=True)}
    numbers = {key: number for number, key in enumerate(different)}
    return Picked(encode([*different.values()]), [numbers[key] for key in keys])


def _vectors(
    encode: Encode, task: PreparedTask, split: Split, places: Sequence[tuple[int, int]]
) -> Tensor:
    """Vectors of units, written one after the other into one tensor h_LND."""
    needed = sorted({item for item, _ in places})
    encoded = encode_once(encode, [split.sentences[i] for i in needed])
    h_LND = torch.zeros(0)
    numbers: dict[int, list[tuple[int, int]]] = {}
    for number, (item, unit) in enumerate(places):
        numbers.setdefault(item, []).append((number, unit))
    for item, h_LTD in zip(needed, encoded, strict=True):
        found_LUD = _of_item(task, split, item, h_LTD)
        if not len(h_LND):
            h_LND = torch.empty(len(found_LUD), len(places), found_LUD.shape[-1])
        at, of = zip(*numbers[item], strict=True)
        h_LND[:, list(at)] = found_LUD[:, list(of)].float()
    return h_LND


def _word(split: Split, item: int, unit: int) -> str:
    place = unit if split.places is None else split.places[item][unit]
    return split.sentences[item][place]


def _of_item(task: PreparedTask, split: Split, item: int, h_LTD: Tensor) -> Tensor:
    """Vectors of an item's units, in every layer."""
    places_LP = None
    if split.places is not None:
        places_LP = torch.tensor([split.places[item]] * len(h_LTD))
    return task.family.units(h_LTD, torch.ones(h_LTD.shape[:2], dtype=torch.bool), places_LP)
