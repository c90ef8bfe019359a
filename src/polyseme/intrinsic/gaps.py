"""Gaps with a known floor: bits that a model needs for a word beyond what anyone must.

The labels of the items are the floors (tasks/gaps.py). Only models that fill gaps are measured; the
difference to the floor is the model's divergence from the source, paired item by item. A model
that reads one side at a time does not see what the floor knows: its bits have another name and no
floor.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from polyseme.config import config
from polyseme.intrinsic.base import Material
from polyseme.models.base import Representation
from polyseme.models.common.filling import Filling

NAMES = {"left": "bits_per_gap_from_the_left", "each": "bits_per_gap_from_each_side"}


@config
class Config:
    """conf/intrinsic/gaps.yaml has no values."""


FAMILIES = ("gaps",)


def measure(
    options: Config, representation: Representation, material: Material
) -> Iterator[dict[str, Any]]:
    """Rows: bits of the model; of the floor, their difference and its standard error."""
    items = material.test
    if not isinstance(representation, Filling) or items.places is None:
        return
    bits_N = np.array(representation.surprisals(items.sentences, [p[0] for p in items.places]))
    if representation.sides == "both":
        found = _above_floor(bits_N, np.array(items.labels))
    else:
        found = {NAMES[representation.sides]: bits_N.mean()}
    for metric, value in found.items():
        yield {
            "layer": None,
            "split": "test",
            "metric": metric,
            "value": float(value),
            "num_items": len(bits_N),
        }


def _above_floor(bits_N: np.ndarray, floor_N: np.ndarray) -> dict[str, float]:
    excess_N = bits_N - floor_N
    return {
        "bits_per_gap": bits_N.mean(),
        "floor_bits_per_gap": floor_N.mean(),
        "excess_bits_per_gap": excess_N.mean(),
        "excess_error": excess_N.std(ddof=1) / np.sqrt(len(excess_N)),
    }
