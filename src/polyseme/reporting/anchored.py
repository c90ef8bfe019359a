"""What a run says to published figures: which it can test, and how far it is from them.

An anchor is tested where its rows are there and the task reads the data set that the figure was
published on. Where rows are there but the data are others, the gap is shown and not judged. Else
the anchor cannot be tested, and the first thing that is not there says why.

Columns that an anchor does not name mean: the whole task (`part` null), the probe without a bound
or with the widest (`rank`), real labels, the test split where there is one, the most training
items, every seed (in the mean), every corpus. Representations that failed a check do not count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from polyseme import paths, results
from polyseme.reporting import numbers
from polyseme.reporting.anchors import (
    ANY,
    AT_LEAST,
    AT_MOST,
    ORDERING,
    PAIRED,
    RATIO,
    Anchor,
)
from polyseme.reporting.checks import counted
from polyseme.reporting.collect import Evidence
from polyseme.reporting.measurements import VALUES, Measurements, lower_is_better

FIRST = ("task", "representation", "family", "stage", "probe", "strategy", "metric")
"""Columns in the order in which the first that is not there is looked for."""
FOLLOWING = ("seed", "words_seen", "family", "pooling", "train_size", "rank")
"""Columns that do not tell apart what is compared: they follow from others, or are averaged."""
KEY = [n for n in results.SCHEMA.names if n not in (*VALUES, *FOLLOWING)]
WHOLE = {"part": None}


@dataclass(frozen=True)
class Outcome:
    """What came of one anchor.

    Attributes:
        observed: value, difference or ratio of this run; None where it cannot be tested.
        is_within: whether the gap is within tolerance; None where it is not judged.
        why: what is not there, or which data are others; blank where it is judged.
        rows: that it was measured by, of both sides.
    """

    name: str
    anchor: Anchor
    observed: float | None = None
    is_within: bool | None = None
    why: str = ""
    rows: Measurements = field(default_factory=lambda: Measurements([]))

    @property
    def gap(self) -> float | None:
        """Observed less published."""
        return None if self.observed is None else self.observed - self.anchor.value


def outcomes(evidence: Evidence) -> list[Outcome]:
    """One for each anchor, in the order of their names."""
    return [_outcome(evidence, name, anchor) for name, anchor in evidence.anchors.items()]


def _outcome(evidence: Evidence, name: str, anchor: Anchor) -> Outcome:
    sides = [anchor.rows]
    if anchor.compare in PAIRED:
        sides.append(anchor.rows | anchor.against)
    found: list[Measurements] = []
    for side in sides:
        rows, missing = _rows(evidence, side)
        if missing:
            return Outcome(name, anchor, why=missing)
        found.append(rows)
    observed = _observed(anchor, found)
    if observed is None:
        return Outcome(name, anchor, why="the two were not measured on the same")
    both = Measurements([row for rows in found for row in rows])
    if other := _other_data(evidence, anchor, both):
        return Outcome(name, anchor, observed, why=other, rows=both)
    return Outcome(name, anchor, observed, _is_within(anchor, observed), rows=both)


def _rows(evidence: Evidence, side: Mapping[str, Any]) -> tuple[Measurements, str]:
    """Rows that meet all conditions, or what is not there."""
    rows = evidence.rows.known()
    wanted = WHOLE | dict(side)
    conditions = {n: tuple(c) if isinstance(c, list) else c for n, c in wanted.items()}
    order = [n for n in FIRST if n in conditions] + [n for n in conditions if n not in FIRST]
    for number, name in enumerate(order):
        there, rows = rows, rows.where(**{name: conditions[name]})
        if not rows:
            return rows, _missing(name, side.get(name), there, order[:number], side)
    passed = counted(_main(rows, side))
    return passed, "" if passed else "it failed a check"


def _main(rows: Measurements, side: Mapping[str, Any]) -> Measurements:
    """Of rows with and without control, of several splits, sizes and ranks, those that count."""
    if "control" not in side:
        rows = rows.real() or rows
    if "rank" not in side and not rows.where(rank=None):
        rows = rows.where(rank=max(rows.distinct("rank")))
    elif "rank" not in side:
        rows = rows.where(rank=None)
    rows = rows if "split" in side else rows.final() or rows
    return rows if "train_size" in side else rows.largest()


def _missing(
    name: str, wanted: Any, there: Measurements, before: list[str], side: Mapping[str, Any]
) -> str:
    """One phrase: what is not there, and what is."""
    what = " or ".join(map(str, wanted)) if isinstance(wanted, list) else str(wanted)
    text = f"no {numbers.name(name)} {what}" if wanted is not None else f"no row without {name}"
    if "task" not in before:
        return f"{text} in this run"
    about = side["task"]
    text += f" on {' or '.join(map(str, about)) if isinstance(about, list) else about}"
    known = [str(cell) for cell in there.distinct(name)]
    return f"{text}, but {numbers.some(known)}" if known else text


def _observed(anchor: Anchor, found: list[Measurements]) -> float | None:
    """Value, difference or ratio; None where two sides have nothing in common."""
    metric = str(anchor.rows["metric"])
    whole = [*KEY, "rank"] if "rank" in anchor.rows else KEY
    if len(found) == 1:
        return _take(anchor, _means(found[0], whole), metric)
    key = [name for name in whole if name not in anchor.against]
    first, second = (_means(rows, key) for rows in found)
    if anchor.take == "mean":
        common = first.keys() & second.keys()
        first, second = ({k: side[k] for k in side if k in common} for side in (first, second))
    if not first or not second:
        return None
    one, other = (_take(anchor, side, metric) for side in (first, second))
    if anchor.compare == RATIO:
        return one / other if other else None
    return one - other


def _means(rows: Measurements, key: list[str]) -> dict[Any, float]:
    """Mean over seeds, and over all else that the key leaves out."""
    groups = rows.by(*key)
    return {name: s.mean for name, group in groups.items() if (s := group.summary())}


def _take(anchor: Anchor, means: Mapping[Any, float], metric: str) -> float:
    if anchor.take == "mean":
        return sum(means.values()) / len(means)
    return min(means.values()) if lower_is_better(metric) else max(means.values())


def _is_within(anchor: Anchor, observed: float) -> bool:
    gap = observed - anchor.value
    if anchor.compare == AT_MOST:
        return gap <= anchor.tolerance
    if anchor.compare == AT_LEAST:
        return gap >= -anchor.tolerance
    if anchor.compare == ORDERING:
        return observed * (1 if anchor.value > 0 else -1) > anchor.tolerance
    return abs(gap) <= anchor.tolerance


def _other_data(evidence: Evidence, anchor: Anchor, rows: Measurements) -> str:
    """Which data the tasks read that are not those of the figure; blank where none are."""
    if anchor.dataset == ANY:
        return ""
    tasks = evidence.params.get("task", {})
    wanted = paths.dataset(anchor.dataset).as_posix() if anchor.dataset else None
    read = {str(tasks.get(task, {}).get("source", task)) for task in rows.distinct("task")}
    others = sorted(source for source in read if source != wanted)
    names = numbers.listing([source.rpartition("/")[2] for source in others])
    return f"other data: {names}, not {anchor.data}" if others else ""
