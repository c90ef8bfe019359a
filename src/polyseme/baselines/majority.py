"""Majority: the most frequent training label, for everything."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from polyseme.baselines.base import Unit


def predict(train: Sequence[Unit], labels_N: np.ndarray, test: Sequence[Unit]) -> np.ndarray:
    """The most frequent label for each test unit."""
    return np.full(len(test), np.bincount(labels_N).argmax())
