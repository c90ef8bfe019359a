"""What a probe gets and gives.

A probe module has a `Config` and one of two functions. A classifier has

    predict(options, data) -> labels_LVM, or rank -> labels_LVM

and fits one classifier for each layer and each labelling; what the labellings are (real or control,
with a seed) is not its business. Any other probe has `suits(family)`, which tells the task families
that it can read, and

    measure(options, probed) -> rows of the results table, without what `Probed` knows

Shapes: L layers, N training units, P validation units, M test units, D dimensions, V labellings, C
labels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from polyseme.models.base import Words
from polyseme.tasks.common.prepared import PreparedTask

MAX_LABELS = 1000
"""Tasks with more are not probed: for D = 128, L = 5 layers, 6 labellings and the 33,000 senses of
SemCor, the weights alone would take 0.5 GB, Adam three times as much."""

CPU = torch.device("cpu")
MIN_TYPES = 50
"""Tasks of fewer word types have no control task: where a few types have real labels that differ
from place to place, one for each type is easy to remember, and selectivity would only say so."""
Encode = Callable[[Sequence[Words]], Sequence[Tensor]]
Rows = Iterator[dict[str, Any]]


@dataclass(frozen=True)
class ProbeData:
    """Vectors and labels of one task.

    Attributes:
        train_LND: vectors of the training units.
        test_LMD: vectors of the test units.
        labels_VN: label numbers of the training units in each labelling.
        seeds_V: seed of each labelling: of initialisation.
        num_labels: C.
        allowed_MVC: labels that a test unit may have in each labelling; None where it may have any.
    """

    train_LND: Tensor
    test_LMD: Tensor
    labels_VN: Tensor
    seeds_V: Sequence[int]
    num_labels: int
    allowed_MVC: Tensor | None = None


@dataclass(frozen=True)
class Probed:
    """One task under one representation, for probes that are no classifiers.

    Attributes:
        encode: vectors h_LTD of each sentence under the representation.
        task: splits, labels, family.
        seeds: of initialisation and control labels.
        num_layers, dim: L and D of the representation.
        device: where probes are trained.
    """

    encode: Encode
    task: PreparedTask
    seeds: Sequence[int]
    num_layers: int
    dim: int
    device: torch.device = CPU


def has_control(level: str, num_types: int) -> bool:
    """Whether a task has a control task: its units are words, of enough types."""
    return level == "word" and num_types >= MIN_TYPES


def control_labels(words: Sequence[str], train_N: np.ndarray, *, seed: int) -> np.ndarray:
    """Labels of the control task: one for each word type, at random (Hewitt & Liang 2019).

    The label of a type depends on (type, seed) alone; labels are as frequent as the real ones.

    Args:
        words: word of each unit.
        train_N: real label numbers of the training units.
    """
    shares_C = np.bincount(train_N) / len(train_N)
    types = sorted(set(words))
    draws = np.array([_uniform(word, seed) for word in types])
    labels = np.searchsorted(np.cumsum(shares_C), draws, side="right").clip(max=len(shares_C) - 1)
    of_type = dict(zip(types, labels.tolist(), strict=True))
    return np.array([of_type[word] for word in words], dtype=np.int64)


def _uniform(word: str, seed: int) -> float:
    digest = hashlib.sha256(f"{seed}:{word}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56
