"""Word similarity: rank correlation of cosines with human scores (Spearman 1904).

Shapes: L layers, V words, D dimensions, N pairs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from polyseme.config import config
from polyseme.intrinsic.base import Material, word_vectors
from polyseme.models.base import Representation


@config
class Config:
    """conf/intrinsic/similarity.yaml has no values."""


FAMILIES = ("similarity",)


def measure(
    options: Config, representation: Representation, material: Material
) -> Iterator[dict[str, Any]]:
    """Rows: spearman under both policies and coverage, for each layer."""
    items = material.test
    words = sorted({word for pair in items.sentences for word in pair})
    row_of = {word: row for row, word in enumerate(words)}
    h_LVD = word_vectors(representation, words)
    first, second = ([row_of[pair[side]] for pair in items.sentences] for side in (0, 1))
    cosine_LN = (h_LVD[:, first] * h_LVD[:, second]).sum(-1).numpy()
    known_N = np.array([all(map(representation.knows, pair)) for pair in items.sentences])
    gold_N = np.array(items.labels)
    for layer, cosine_N in enumerate(cosine_LN):
        common = {"layer": str(layer), "split": "test"}
        yield {**common, "metric": "coverage", "value": known_N.mean(), "num_items": len(gold_N)}
        zeroed_N = np.where(known_N, cosine_N, 0.0)
        for policy, chosen in (("skip", known_N), ("zero", np.ones_like(known_N))):
            yield {
                **common,
                "strategy": policy,
                "metric": "spearman",
                "value": spearman(zeroed_N[chosen], gold_N[chosen]),
                "num_items": int(chosen.sum()),
            }


def spearman(found_N: np.ndarray, gold_N: np.ndarray) -> float | None:
    """Rank correlation; None where it is not defined (fewer than two pairs, or no variation)."""
    from scipy.stats import spearmanr

    if len(found_N) < 2 or np.ptp(found_N) == 0 or np.ptp(gold_N) == 0:  # noqa: PLR2004
        return None
    value = float(spearmanr(found_N, gold_N).statistic)
    return value if math.isfinite(value) else None
