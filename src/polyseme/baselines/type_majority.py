"""Type majority: the most frequent training label of this very word (or sentence).

Where it is known which lemma is asked about, this is the most frequent sense of the lemma.

A word that training has not seen gets the most frequent label of all. What a probe adds to this
is what context or similarity tells.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from polyseme.baselines.base import Unit


def predict(train: Sequence[Unit], labels_N: np.ndarray, test: Sequence[Unit]) -> np.ndarray:
    """The most frequent label of each test unit's type; ties go to the smaller number."""
    counts: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for unit, label in zip(train, labels_N.tolist(), strict=True):
        counts[unit.text][label] += 1
    best = {text: min(c, key=lambda label: (-c[label], label)) for text, c in counts.items()}
    majority = int(np.bincount(labels_N).argmax())
    return np.array([best.get(unit.text, majority) for unit in test])
