"""Rows of two results tables, paired by what they measure.

Rows pair on every column that identifies them. For each task and representation (and strategy or
probe) the main metric is compared: second less first of every pair, in the mean over layers, ranks
and sizes that both have, seed by seed; then a paired t test over seeds (`polyseme.stats.seeds`),
corrected by Holm (1979) over all comparisons of the two reports that differ at all. A task's main
metric is the one that manifest.json names, else the first by name.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from polyseme import results
from polyseme.reporting.checks import STAGE
from polyseme.reporting.measurements import VALUES, Measurements, Row, is_main, lower_is_better
from polyseme.stats.differences import holm
from polyseme.stats.seeds import LEVEL, Summary, summarize

KEY = tuple(name for name in results.SCHEMA.names if name not in (*VALUES, "words_seen"))
UNIT = ("stage", "task", "corpus", "representation", "strategy", "probe", "variant", "metric")
"""Columns that name a comparison."""
TESTS = "test"
"""Stage of the rows of tests."""
BETTER, WORSE, SAME, OPEN, UNTESTED = "better", "worse", "the same", "cannot be told", "not tested"
ORDER = (WORSE, BETTER, UNTESTED, OPEN, SAME)
FEWEST = 2
ROUNDING = 1e-9
"""Share of the mean below which a spread is that of adding up."""


@dataclass(frozen=True)
class Change:
    """The main metric of one task and representation on both sides.

    Attributes:
        unit: values of UNIT.
        first, second: means.
        difference: second less first over seeds.
        p: of the paired t test, corrected by Holm; None where there are fewer than two seeds, or
            all differ by the same.
    """

    unit: tuple[Any, ...]
    first: float
    second: float
    difference: Summary
    p: float | None = None

    @property
    def metric(self) -> str:
        """The main metric."""
        return str(self.unit[-1])

    @property
    def verdict(self) -> str:
        """What the second is against the first."""
        if self.difference.minimum == self.difference.maximum == 0:
            return SAME
        if self.p is None:
            return UNTESTED
        if self.p >= 1 - LEVEL:
            return OPEN
        return BETTER if (self.difference.mean > 0) != lower_is_better(self.metric) else WORSE


@dataclass(frozen=True)
class Pairing:
    """Two results tables, row by row.

    Attributes:
        both: number of rows that both have; `changed` of them with another value.
        only: for each side, (stage, task, representation) -> rows that it alone has.
        changes: main metrics, those that differ most surely and most first.
        undefined: rows of both whose value is no number on each side: they are in no comparison.
        repeated: rows of each side that measure the same as a later one, which counts.
    """

    both: int
    changed: int
    only: tuple[Counter[tuple[Any, ...]], Counter[tuple[Any, ...]]]
    changes: list[Change]
    undefined: tuple[int, int] = (0, 0)
    repeated: tuple[int, int] = (0, 0)


def pair(
    first: Sequence[Row], second: Sequence[Row], mains: Mapping[str, str] | None = None
) -> Pairing:
    """Pair the rows of two reports.

    Args:
        mains: task -> main metric.
    """
    one, other = _keyed(first), _keyed(second)
    common = [key for key in one if key in other]
    changed = sum(not _equal(one[key]["value"], other[key]["value"]) for key in common)
    only = tuple(
        Counter(_about(row) for key, row in side.items() if key not in rest)
        for side, rest in ((one, other), (other, one))
    )
    pairs = [(one[key], other[key]) for key in common]
    changes = corrected(_changes(pairs, mains or {}))
    changes.sort(key=lambda c: (ORDER.index(c.verdict), -abs(c.difference.mean), str(c.unit)))
    return Pairing(
        both=len(common),
        changed=changed,
        only=(only[0], only[1]),
        changes=changes,
        undefined=(_undefined(one[key] for key in common), _undefined(other[k] for k in common)),
        repeated=(_measured(first) - len(one), _measured(second) - len(other)),
    )


def _measured(rows: Sequence[Row]) -> int:
    return sum(row["stage"] != TESTS for row in rows)


def _undefined(rows: Iterable[Row]) -> int:
    """Rows without a number; a check that does not apply to a representation has none."""
    return sum(row["stage"] != STAGE and not _finite(row) for row in rows)


def _keyed(rows: Sequence[Row]) -> dict[tuple[Any, ...], Row]:
    """Measurements by what they measure; tests follow from them."""
    return {tuple(row[name] for name in KEY): row for row in rows if row["stage"] != TESTS}


def _about(row: Row) -> tuple[Any, ...]:
    return row["stage"], row["task"], row["representation"]


def _equal(first: float | None, second: float | None) -> bool:
    if first is None or second is None:
        return first is second
    return first == second or (math.isnan(first) and math.isnan(second))


def _changes(pairs: Sequence[tuple[Row, Row]], mains: Mapping[str, str]) -> list[Change]:
    """One for each task and representation that both have measured with a finite value."""
    known = [(a, b) for a, b in pairs if _finite(a) and _finite(b) and a["stage"] != STAGE]
    partner = {id(a): b for a, b in known}
    rows = Measurements([a for a, _ in known])
    found = []
    for (_, task, _), group in rows.by("stage", "task", "probe").items():
        chosen = _decisive(group, mains.get(str(task)))
        for unit, own in chosen.by(*UNIT).items():
            first, second = _seeds(own.rows), _seeds([partner[id(row)] for row in own])
            difference = summarize([second[seed] - first[seed] for seed in first])
            found.append(Change(unit, _mean(first), _mean(second), difference))
    return found


def _decisive(rows: Measurements, main: str | None) -> Measurements:
    """Final rows of a task in its main metric, of the whole task and real labels, with most
    labels."""
    rows = rows.where(part=None).real() or rows
    rows = rows.final() or rows
    metrics = sorted(name for name in rows.distinct("metric") if is_main(name))
    if main not in metrics:
        main = next(iter(metrics or rows.distinct("metric")), None)
    return rows.where(metric=main).largest_of_each("strategy")


def _finite(row: Row) -> bool:
    return row["value"] is not None and math.isfinite(row["value"])


def _seeds(rows: Sequence[Row]) -> dict[int, float]:
    """Mean value of each seed; what has none counts as one."""
    values: dict[int, list[float]] = {}
    for row in rows:
        values.setdefault(-1 if row["seed"] is None else row["seed"], []).append(row["value"])
    return {seed: math.fsum(of) / len(of) for seed, of in sorted(values.items())}


def _mean(values: Mapping[int, float]) -> float:
    return math.fsum(values.values()) / len(values)


def corrected(changes: Sequence[Change]) -> list[Change]:
    """The changes with p values, which grow with the number of tests (Holm 1979)."""
    values = holm([_p(change.difference) for change in changes])
    return [replace(change, p=p) for change, p in zip(changes, values, strict=True)]


def _p(difference: Summary) -> float | None:
    """Of a two-sided t test of differences; None for fewer than two seeds, or without spread."""
    from scipy.special import stdtr  # scipy.stats costs a second of imports

    if difference.num < FEWEST or difference.sd is None:
        return None
    if difference.sd <= ROUNDING * abs(difference.mean):
        return None
    t = difference.mean / (difference.sd / math.sqrt(difference.num))
    return float(2 * stdtr(difference.num - 1, -abs(t)))
