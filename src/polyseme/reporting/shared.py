"""Word similarity over the pairs that all compared representations know.

Under `skip` each representation is measured on pairs of its own, and a small vocabulary of frequent
words may win; here all are measured on the same (Faruqui et al. 2016). Made from the
cosines that the measure `similarity` keeps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from polyseme import paths, results
from polyseme.intrinsic.common.bootstrap import Spearman

MEASURE = "similarity"
"""The measure that keeps cosines, and the family of its tasks."""
COMMON = "corpus representation family stage task pooling words_seen num_parameters".split()
"""Columns that every row of a representation on a task has alike."""

Rows = Sequence[Mapping[str, Any]]


def of_task(
    measured: Rows, folder: Path, gold: Sequence[float], *, draws: int
) -> Iterator[dict[str, Any]]:
    """Whole rows of one task, of every representation that has kept its cosines.

    Args:
        measured: rows of the task, of all representations.
        folder: where corpora and representations have their intrinsic results.
        gold: human scores of all pairs.
        draws: of the bootstrap.
    """
    first: dict[str, Mapping[str, Any]] = {}
    for row in measured:
        first.setdefault(f"{row['corpus']}/{row['representation']}", row)
    files = {of: folder / of / paths.items_of(MEASURE, row["task"]) for of, row in first.items()}
    kept = {
        of: pq.read_table(path, schema=results.ITEM_SCHEMA).to_pylist()
        for of, path in files.items()
        if path.is_file()
    }
    for found in rows(kept, gold, draws=draws) if kept else ():
        of = first[found["representation"]]
        yield dict.fromkeys(of) | found | {name: of[name] for name in COMMON}


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
