"""Word similarity over the pairs that all compared representations know.

Under `skip` each representation is measured on pairs of its own, and a small vocabulary of frequent
words may win; here all are measured on the same (Faruqui et al. 2016). Made from the
cosines that the measure `similarity` keeps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from polyseme.intrinsic.common.bootstrap import Spearman

Rows = Sequence[Mapping[str, Any]]


def rows(
    kept: Mapping[str, Rows], gold: Sequence[float], *, draws: int
) -> Iterator[dict[str, Any]]:
    """Rows of the results table with strategy `shared`, without what tells the task.

    Args:
        kept: representation -> what it kept of the same task (`results.ITEM_SCHEMA`).
        gold: human scores of all pairs.
        draws: of the bootstrap.
    """
    shared_N = np.ones(len(gold), dtype=bool)
    for items in kept.values():
        shared_N[[row["item"] for row in items if not row["known"]]] = False
    correlate = Spearman(np.asarray(gold, dtype=float)[shared_N], draws)
    for representation, items in kept.items():
        for (layer, variant), values_N in _columns(items, len(gold)).items():
            value, (low, high) = correlate(values_N[shared_N])
            yield {
                "representation": representation,
                "strategy": "shared",
                "variant": variant,
                "layer": layer,
                "split": "test",
                "metric": "spearman",
                "value": value,
                "low": low,
                "high": high,
                "num_items": int(shared_N.sum()),
            }


def _columns(items: Rows, num_items: int) -> dict[tuple[str, str | None], np.ndarray]:
    """Cosines of all pairs by layer and variant."""
    found: dict[tuple[str, str | None], np.ndarray] = {}
    for row in items:
        key = row["layer"], row["variant"]
        found.setdefault(key, np.zeros(num_items))[row["item"]] = row["value"]
    return found
