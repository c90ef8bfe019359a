"""What was predicted of each item of a test set, as far as the comparisons of a report need it.

Cells are read one task and number of labels at a time, those with the most labels of each strategy
where none is named; of each, what is kept are sums (`polyseme.stats.additive`) and the scores of
resampled test sets, which all cells of a task share, so that any two of them can be compared item
by item.
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
from polyseme.stats.differences import Difference, Variance, difference, mcnemar
from polyseme.stats.moderation import moderate
from polyseme.stats.seeds import LEVEL
from polyseme.tasks.families import base as families

DRAWS = 10_000
COLUMNS = ("strategy", "train_size", "seed", "item", "unit", "gold", "predicted")
Key = tuple[str, str]
"""System and strategy."""


@dataclass(frozen=True)
class Cell:
    """A system with a strategy and a number of labels.

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
        self.over_seeds = _moderated(self.cells)

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
        known = self._of_seeds(first, second) if len(seeds) > 1 else None
        found = difference(by_seed, np.stack(draws), self.num_items, known)
        extra: dict[str, Any] = {}
        if permute:
            of_ours, of_theirs = ([cell.of_seed[s] for s in seeds] for cell in (ours, theirs))
            null_B = resampling.permuted(of_ours, of_theirs, self.draws)
            extra["p_items"] = resampling.p_value(found.mean, null_B)
        if ours.right and theirs.right:
            values = [mcnemar(ours.right[s], theirs.right[s]) for s in seeds]
            extra["p_mcnemar"] = min(values), max(values)
        return replace(found, **extra)

    def _of_seeds(self, first: Key, second: Key) -> Variance | None:
        """Variance over seeds of a difference, from those of both sides (Satterthwaite)."""
        sides = [self.over_seeds[key] for key in (first, second) if key in self.over_seeds]
        total = sum(of.value for of in sides)
        if len(sides) < 2 or not total:  # noqa: PLR2004
            return None
        return Variance(total, total**2 / sum(of.value**2 / of.freedom for of in sides))

    def interval(self, key: Key) -> Difference | None:
        """The score of one cell with its interval: its difference from 0."""
        if key not in self.cells:
            return None
        of_seed = self.cells[key].of_seed
        draws_SB = np.stack(list(self._draws(key).values()))
        values = [of.value for of in of_seed.values()]
        return difference(values, draws_SB, self.num_items, self.over_seeds.get(key))

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


def across(
    few: TaskOutcomes | None, most: TaskOutcomes | None, first: Key, second: Key
) -> Difference | None:
    """A cell with few labels less one with the most; None where one was not kept, or they differ.

    Variances over seeds stay those of the two tables.
    """
    if few is None or most is None or first not in few.cells or second not in most.cells:
        return None
    if few.num_items != most.num_items:
        return None
    cells = {("few", *first[1:]): few.cells[first], ("most", *second[1:]): most.cells[second]}
    made = TaskOutcomes(cells, draws=few.draws)
    known = (few.over_seeds.get(first), most.over_seeds.get(second))
    made.over_seeds = {key: of for key, of in zip(cells, known, strict=True) if of}
    return made.compare(*cells)


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
        self._of_task: dict[tuple[str, str, str, int | None], TaskOutcomes | None] = {}

    def of(
        self, task: str, metric: str, split: str, size: int | None = None
    ) -> TaskOutcomes | None:
        """Outcomes of a task in one metric; None where nothing was kept, or it has no sums.

        Args:
            size: number of labels; None: the most of each strategy.
        """
        key = task, metric, split, size
        if key not in self._of_task:
            cells = self._cells(*key)
            self._of_task[key] = TaskOutcomes(cells, draws=self.draws) if cells else None
        return self._of_task[key]

    def _cells(self, task: str, metric: str, split: str, size: int | None) -> dict[Key, Cell]:
        found = [
            ((system, strategy), labels, seed, rows)
            for system, paths in self.files.items()
            for path in paths
            for strategy, labels, seed, rows in _groups(
                _read(path, task, split), self.strategies, size
            )
        ]
        if not found:
            return {}
        items = found[0][3].select(["item", "unit", "gold"])
        # another version of the test set: seeds alone decide there
        found = [of for of in found if of[3].select(["item", "unit", "gold"]).equals(items)]
        family = families.get(str(self.tasks[task]["family"]))
        names = sorted(set().union(*(_labels(rows) for *_, rows in found)))
        cells: dict[Key, Cell] = {}
        for key, labels, seed, rows in found:
            kept = _kept(rows, names)
            made = family.additive(metric, kept)
            if made is None:
                return {}
            cell = cells.setdefault(key, Cell(labels, {}))
            cell.of_seed[seed] = made
            if (right_N := _right(family, kept)) is not None:
                cell.right[seed] = right_N
        return cells


def _read(path: Path, task: str, split: str) -> pa.Table:
    chosen = (ds.field("task") == task) & (ds.field("split") == split)
    return ds.dataset(path, format="parquet").to_table(columns=list(COLUMNS), filter=chosen)


def _moderated(cells: Mapping[Key, Cell]) -> dict[Key, Variance]:
    """Variance of the scores of each cell over its seeds, strategy by strategy."""
    groups: dict[tuple[str, int], dict[Key, float]] = {}
    for key, cell in cells.items():
        values = [of.value for of in cell.of_seed.values()]
        if len(values) > 1:
            own = groups.setdefault((key[1], len(values)), {})
            own[key] = float(np.var(values, ddof=1))
    found = {}
    for (_, num), own in groups.items():
        made = moderate(list(own.values()), num - 1)
        for key, value in zip(own, made.variances, strict=True):
            found[key] = Variance(value, made.freedom)
    return found


def _groups(
    table: pa.Table, strategies: Sequence[str], size: int | None
) -> list[tuple[str, str, int, pa.Table]]:
    """Strategy, labels, seed and rows of each cell with so many, or with the most."""
    found = []
    for strategy in strategies:
        of_strategy = table.filter(pc.equal(table["strategy"], strategy))
        sizes = pc.unique(of_strategy["train_size"]).to_pylist()
        if not sizes or (size is not None and str(size) not in sizes):
            continue
        most = max(sizes, key=lambda text: math.inf if text == "all" else int(text))
        labels = most if size is None else str(size)
        largest = of_strategy.filter(pc.equal(of_strategy["train_size"], labels))
        for seed in sorted(pc.unique(largest["seed"]).to_pylist(), key=int):
            rows = largest.filter(pc.equal(largest["seed"], seed)).combine_chunks()
            found.append((strategy, labels, int(seed), rows))
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


def _right(family: families.Family, kept: families.Kept) -> np.ndarray | None:
    """Whether each item was right; None where it has several units, or no class."""
    if len(kept.item_U) != kept.num_items:
        return None
    made = family.additive("accuracy", kept)
    return None if made is None else made.counts_NK[:, 0] > 0
