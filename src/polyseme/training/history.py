"""The history of a run: rows that depend on params and inputs alone, never on the clock."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

COLUMNS = [
    "step",
    "words_seen",
    "learning_rate",
    "loss",
    "valid_loss",
    "valid_bits_per_byte",
    "valid_perplexity",
]


def write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the history as CSV; what was not measured is blank."""
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({key: _text(value) for key, value in row.items()})


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
