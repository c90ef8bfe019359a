"""Which answers of a probe were right, layer by layer, as far as the comparisons of layers need it.

The stage keeps right answers and units of each test item for classifiers of the full rank. Layers
of a representation are compared on the same items and seeds, as cells of fine-tuning are
(`polyseme.reporting.outcomes`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from polyseme.reporting.outcomes import DRAWS, Cell, TaskOutcomes
from polyseme.stats.additive import Additive, ratio

FILE = "items.parquet"


@dataclass
class ProbeOutcomes:
    """Kept answers of all systems of a report.

    Attributes:
        files: system -> the file of its probes.
        names: system -> its name in the file.
    """

    files: Mapping[str, Path]
    names: Mapping[str, str]
    draws: int = DRAWS
    _made: dict[tuple[str, str], TaskOutcomes | None] = field(default_factory=dict)

    def of(self, task: str, probe: str) -> TaskOutcomes | None:
        """Cells (system, layer) of a task; None where nothing was kept."""
        key = task, probe
        if key not in self._made:
            cells = self._cells(task, probe)
            self._made[key] = TaskOutcomes(cells, draws=self.draws) if cells else None
        return self._made[key]

    def _cells(self, task: str, probe: str) -> dict[tuple[str, str], Cell]:
        cells: dict[tuple[str, str], Cell] = {}
        units: list[int] | None = None
        for system, path in self.files.items():
            for row in _rows(path, self.names[system], task, probe):
                units = units or row["units"]
                if row["units"] != units:  # another version of the test set
                    continue
                counts_N2 = np.stack([row["right"], row["units"]], axis=1)
                cell = cells.setdefault((system, row["layer"]), Cell("", {}))
                cell.of_seed[row["seed"]] = Additive(counts_N2, ratio)
        return cells


def _rows(path: Path, name: str, task: str, probe: str) -> list[dict[str, Any]]:
    asked = {"representation": name, "task": task, "probe": probe}
    table: pa.Table = pq.read_table(path, filters=[(key, "==", of) for key, of in asked.items()])
    return sorted(table.to_pylist(), key=lambda row: int(row["seed"]))
