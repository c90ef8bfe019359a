"""Which rows of a Parquet file W&B gets: at most so many, and as many of each group as of another.

A W&B table holds 10,000 rows. The first ones of predictions would be one task with one seed; so
the first rows of every group are taken, and the same items stand side by side in all groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from polyseme.tracking.local import MAX_ROWS


def bounded(table: pa.Table, groups: Sequence[str], most: int = MAX_ROWS) -> pa.Table:
    """The first n rows of every group in their order, n as large as `most` allows.

    Args:
        groups: columns whose values name a group; none: all rows are one.
        most: rows to keep; where there are more groups than that, the first rows of all.
    """
    if len(table) <= most:
        return table
    place = _places(table, groups)
    sizes = np.bincount(place).cumsum()  # rows that are left with n = 1, 2, ...
    n = int(np.searchsorted(sizes, most, side="right"))
    return table.take(np.flatnonzero(place < n)) if n else table.slice(0, most)


def _places(table: pa.Table, groups: Sequence[str]) -> np.ndarray:
    """For each row, how many rows of its group stand before it."""
    group = np.zeros(len(table), dtype=np.int64)
    for name in groups:
        values = table[name].combine_chunks().dictionary_encode(null_encoding="encode")
        codes = values.indices.to_numpy(zero_copy_only=False)
        group = np.unique(group * len(values.dictionary) + codes, return_inverse=True)[1]
    order = np.argsort(group, kind="stable")
    _, first, sizes = np.unique(group[order], return_index=True, return_counts=True)
    places = np.empty(len(table), dtype=np.int64)
    places[order] = np.arange(len(table)) - np.repeat(first, sizes)
    return places


def cells(path: Path, groups: Sequence[str], most: int) -> tuple[list[str], list[list[Any]], int]:
    """Columns, rows as plain values, and how many rows were left out.

    Raises:
        OSError, pa.ArrowException: it is no Parquet file.
    """
    whole = pq.read_table(path)
    kept = bounded(whole, groups, most)
    rows = [[_cell(value) for value in row.values()] for row in kept.to_pylist()]
    return kept.column_names, rows, len(whole) - len(kept)


def _cell(value: Any) -> Any:
    """Lists, dates and bytes as text: W&B tables hold plain cells here."""
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
