"""What was predicted of each item of a test set, as far as the comparisons of a report need it.

Only the cells with the most labels of each strategy are read, one task at a time; of each, what is
kept are sums (`polyseme.stats.additive`) and the scores of resampled test sets, which all cells of
a task share, so that any two of them can be compared item by item.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from polyseme.stats import resampling
from polyseme.stats.additive import Additive
from polyseme.stats.differences import LEVEL, Difference, difference, mcnemar
from polyseme.tasks.families import base as families

DRAWS = 10_000
COLUMNS = ("strategy", "train_size", "seed", "item", "unit", "gold", "predicted")
Key = tuple[str, str]
"""System and strategy."""


@dataclass(frozen=True)
class Cell:
    """A system with a strategy, with its most labels.

    Attributes:
        train_size: as the cell names it, `all` or a number.
        of_seed: seed -> sums of the items.
        right: seed -> whether each item was right, where an item is one unit; else empty.
    """

    train_size: str
    of_seed: dict[int, Additive]
    right: dict[int, np.ndarray] = field(default_factory=dict)


class TaskOutcomes:
    """All cells of one task on the same items."""

    def __init__(self, cells: Mapping[Key, Cell], *, draws: int = DRAWS) -> None:
        self.cells, self.draws = dict(cells), draws
        self._resampled: dict[Key, dict[int, np.ndarray]] = {}

    @property
    def num_items(self) -> int:
        """Of the test set."""
        cell = next(iter(self.cells.values()))
        return len(next(iter(cell.of_seed.values())).counts_NK)

    def compare(self, first: Key, second: Key, *, permute: bool = False) -> Difference | None:
        """First less second; None where one of them was not kept, or they share no seed.

        Args:
            permute: whether to test by exchanging items as well.
        """
        if first not in self.cells or second not in self.cells:
            return None
        ours, theirs = self.cells[first], self.cells[second]
        seeds = sorted(ours.of_seed.keys() & theirs.of_seed.keys())
        if not seeds:
            return None
        by_seed = [ours.of_seed[s].value - theirs.of_seed[s].value for s in seeds]
        draws = [self._draws(first)[s] - self._draws(second)[s] for s in seeds]
        found = difference(by_seed, np.stack(draws), self.num_items)
        extra: dict[str, Any] = {}
        if permute:
            of_ours, of_theirs = ([cell.of_seed[s] for s in seeds] for cell in (ours, theirs))
            null_B = resampling.permuted(of_ours, of_theirs, self.draws)
            extra["p_items"] = resampling.p_value(found.mean, null_B)
        if ours.right and theirs.right:
            values = [mcnemar(ours.right[s], theirs.right[s]) for s in seeds]
            extra["p_mcnemar"] = min(values), max(values)
        return replace(found, **extra)

    def interval(self, key: Key) -> Difference | None:
        """The score of one cell with its interval: its difference from 0."""
        if key not in self.cells:
            return None
        of_seed = self.cells[key].of_seed
        draws_SB = np.stack(list(self._draws(key).values()))
        return difference([of.value for of in of_seed.values()], draws_SB, self.num_items)

    def bounds(self, key: Key, seed: int) -> tuple[float, float] | None:
        """95 % percentile interval over items of one seed's score; None where it was not kept."""
        if key not in self.cells or seed not in self.cells[key].of_seed:
            return None
        low, high = np.quantile(self._draws(key)[seed], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return float(low), float(high)

    def _draws(self, key: Key) -> dict[int, np.ndarray]:
        """Scores of resampled test sets by seed; the same items are drawn for every cell."""
        if not self._resampled:
            groups: dict[tuple[int, ...], list[Key]] = {}
            for name, cell in self.cells.items():
                groups.setdefault(tuple(cell.of_seed), []).append(name)
            for seeds, names in groups.items():
                cells = [[self.cells[name].of_seed[s] for s in seeds] for name in names]
                found_ASB = resampling.bootstrap(cells, self.draws)
                for name, scores_SB in zip(names, found_ASB, strict=True):
                    self._resampled[name] = dict(zip(seeds, scores_SB, strict=True))
        return self._resampled[key]


class Outcomes:
    """Predictions of all systems of a report.

    Args:
        files: system -> prediction files of its fine-tuning.
        tasks: task -> card.
        strategies: those of the report.
    """

    def __init__(
        self,
        files: Mapping[str, Sequence[Path]],
        tasks: Mapping[str, Mapping[str, Any]],
        strategies: Sequence[str],
        *,
        draws: int = DRAWS,
    ) -> None:
        self.files, self.tasks, self.strategies, self.draws = files, tasks, strategies, draws
        self._of_task: dict[tuple[str, str, str], TaskOutcomes | None] = {}

    def of(self, task: str, metric: str, split: str) -> TaskOutcomes | None:
        """Outcomes of a task in one metric; None where nothing was kept, or it has no sums."""
        key = task, metric, split
        if key not in self._of_task:
            cells = self._cells(task, metric, split)
            self._of_task[key] = TaskOutcomes(cells, draws=self.draws) if cells else None
        return self._of_task[key]

    def _cells(self, task: str, metric: str, split: str) -> dict[Key, Cell]:
        found = [
            ((system, strategy), size, seed, rows)
            for system, paths in self.files.items()
            for path in paths
            for strategy, size, seed, rows in _groups(_read(path, task, split), self.strategies)
        ]
        if not found:
            return {}
        items = found[0][3].select(["item", "unit", "gold"])
        # another version of the test set: seeds alone decide there
        found = [of for of in found if of[3].select(["item", "unit", "gold"]).equals(items)]
        family = families.get(str(self.tasks[task]["family"]))
        names = sorted(set().union(*(_labels(rows) for *_, rows in found)))
        cells: dict[Key, Cell] = {}
        for key, size, seed, rows in found:
            made = family.additive(metric, _kept(rows, names))
            if made is None:
                return {}
            cell = cells.setdefault(key, Cell(size, {}))
            cell.of_seed[seed] = made
            if (right_N := _right(rows)) is not None:
                cell.right[seed] = right_N
        return cells


def _read(path: Path, task: str, split: str) -> pa.Table:
    chosen = (ds.field("task") == task) & (ds.field("split") == split)
    return ds.dataset(path, format="parquet").to_table(columns=list(COLUMNS), filter=chosen)


def _groups(table: pa.Table, strategies: Sequence[str]) -> list[tuple[str, str, int, pa.Table]]:
    """Strategy, size, seed and rows of each cell with the most labels of its strategy."""
    found = []
    for strategy in strategies:
        of_strategy = table.filter(pc.equal(table["strategy"], strategy))
        sizes = pc.unique(of_strategy["train_size"]).to_pylist()
        if not sizes:
            continue
        size = max(sizes, key=lambda text: math.inf if text == "all" else int(text))
        largest = of_strategy.filter(pc.equal(of_strategy["train_size"], size))
        for seed in sorted(pc.unique(largest["seed"]).to_pylist(), key=int):
            rows = largest.filter(pc.equal(largest["seed"], seed)).combine_chunks()
            found.append((strategy, size, int(seed), rows))
    return found


def _labels(rows: pa.Table) -> set[str]:
    return {name for side in ("gold", "predicted") for name in pc.unique(rows[side]).to_pylist()}


def _kept(rows: pa.Table, names: Sequence[str]) -> families.Kept:
    """Rows with numbers for labels, the same in all cells of a task."""
    items, item_U = np.unique(rows["item"].to_numpy(), return_inverse=True)
    known = pa.array(names, pa.string())
    gold_U, predicted_U = (
        pc.index_in(rows[side], value_set=known).to_numpy() for side in ("gold", "predicted")
    )
    unit_U = rows["unit"].to_numpy()
    return families.Kept(item_U, unit_U, gold_U, predicted_U, names, len(items))


def _right(rows: pa.Table) -> np.ndarray | None:
    """Whether each item was right; None where an item has several units."""
    if pc.count_distinct(rows["item"]).as_py() != len(rows):
        return None
    right: np.ndarray = pc.equal(rows["gold"], rows["predicted"]).to_numpy()
    return right
