"""Rows of the results table, with the few questions that tables and figures ask of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from math import isfinite
from typing import Any, TypeVar

from polyseme import results
from polyseme.stats.seeds import Summary, summarize

Row = dict[str, Any]
T = TypeVar("T")

SCRATCH = "scratch"
"""The strategy without pre-training, which every other one is compared with."""

FULL = "full"
"""The strategy that trains every weight, whose time stands for that of fine-tuning."""

INIT = "_init"
"""Ending of the name of the same architecture with random weights."""

LOWER_IS_BETTER = frozenset(
    "loss bits_per_byte perplexity causal_loss causal_bits_per_byte masked_loss "
    "masked_bits_per_byte detection_loss bits_per_gap excess_bits_per_gap "
    "bits_per_gap_from_the_left bits_per_gap_from_each_side kilobits word_perplexity "
    "pseudo_bits_per_byte pseudo_word_perplexity anisotropy".split()
)

SECONDARY = frozenset(
    "coverage seen answered threshold kilobits selectivity uuas_chain accuracy_with_backoff".split()
)
"""Metrics that say how another one came about, and decide nothing by themselves."""

VALUES = ("value", "low", "high", "num_items", "seconds", "num_parameters", "checked")
"""Columns that are measured; all others together identify a row."""


INDEXED = 200
"""Rows from which on columns are looked up."""


class Measurements:
    """An immutable selection of rows; each has the key `system` besides the columns."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = list(rows)
        self._places: dict[str, dict[Any, list[int]]] = {}
        self._remembered: dict[Any, Any] = {}

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def where(self, **conditions: Any) -> Measurements:
        """Rows whose columns equal the given values; a tuple allows several."""
        allowed = [(k, v if isinstance(v, tuple) else (v,)) for k, v in conditions.items()]
        rows = self.rows
        if len(rows) >= INDEXED and allowed:
            found = [self._at(column, values) for column, values in allowed]
            fewest = min(found, key=lambda places: sum(map(len, places)))
            rows = [rows[place] for place in _merged(fewest)]
        for column, values in allowed:
            rows = [row for row in rows if row[column] in values]
        return Measurements(rows)

    def _at(self, column: str, values: tuple[Any, ...]) -> list[list[int]]:
        """For each value, places of the rows that have it; looked up once for each column."""
        if column not in self._places:
            groups: dict[Any, list[int]] = {}
            for place, row in enumerate(self.rows):
                groups.setdefault(row[column], []).append(place)
            self._places[column] = groups
        return [self._places[column].get(value, []) for value in dict.fromkeys(values)]

    def remember(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` finds in these rows, found once for each key."""
        if key not in self._remembered:
            self._remembered[key] = make()
        found: T = self._remembered[key]
        return found

    def real(self) -> Measurements:
        """Rows that were not measured on control labels."""
        return Measurements([row for row in self.rows if row["control"] is not True])

    def final(self) -> Measurements:
        """Rows of the test split, or of the validation split where there is no test split."""
        return self.where(split="test") or self.where(split="valid")

    def largest(self) -> Measurements:
        """Rows with the most labelled training items."""
        sizes = self.distinct("train_size")
        return self.where(train_size=max(sizes)) if sizes else self

    def largest_of_each(self, column: str) -> Measurements:
        """The same for each value of a column."""
        groups = self.by(column).values()
        return Measurements([row for group in groups for row in group.largest()])

    def distinct(self, column: str) -> list[Any]:
        """Values of a column without null, in order of appearance."""
        return list(dict.fromkeys(row[column] for row in self.rows if row[column] is not None))

    def by(self, *columns: str) -> dict[Any, Measurements]:
        """Groups in order of appearance, keyed by the value, or by the tuple of values."""
        groups: dict[Any, list[Row]] = {}
        for row in self.rows:
            key = row[columns[0]] if len(columns) == 1 else tuple(row[name] for name in columns)
            groups.setdefault(key, []).append(row)
        return {key: Measurements(rows) for key, rows in groups.items()}

    def known(self) -> Measurements:
        """Rows whose value is a finite number; a correlation may be undefined, a loss overflow."""
        rows = self.rows
        return Measurements([r for r in rows if r["value"] is not None and isfinite(r["value"])])

    def by_seed(self) -> dict[int, float]:
        """Known values keyed by seed; rows without a seed count as seed -1."""
        return {-1 if r["seed"] is None else r["seed"]: r["value"] for r in self.known()}

    def values(self) -> list[float]:
        """Known values in the order of the rows."""
        return [row["value"] for row in self.known()]

    def summary(self) -> Summary | None:
        """Summary over all known values; None where there are none."""
        values = self.values()
        return summarize(values) if values else None

    def one(self, column: str) -> Any:
        """The value of a column that is the same in all rows; None where it is not."""
        found = self.distinct(column)
        return found[0] if len(found) == 1 else None


def _merged(places: list[list[int]]) -> list[int]:
    """All places, rising."""
    return places[0] if len(places) == 1 else sorted(place for each in places for place in each)


def is_main(metric: str) -> bool:
    """Whether a metric can be the one that a task is decided by."""
    return metric not in SECONDARY


def lower_is_better(metric: str) -> bool:
    """Whether a smaller value of the metric is the better one."""
    return metric in LOWER_IS_BETTER


def ordering(names: Mapping[str, Sequence[str]]) -> Callable[[Row], tuple[Any, ...]]:
    """Sort key of a row: selected items in their order, layers as numbers, null first.

    Args:
        names: column -> selected names in the order of the report.
    """
    ranks = {column: {name: n for n, name in enumerate(known)} for column, known in names.items()}
    ranks["stage"] = {name: n for n, name in enumerate(results.STAGES)}
    columns = ["stage"] + [n for n in results.SCHEMA.names if n not in ("stage", *VALUES)]

    def key(row: Row) -> tuple[Any, ...]:
        return tuple(_rank(row[column], ranks.get(column, {})) for column in columns)

    return key


def _rank(value: Any, known: dict[str, int]) -> tuple[int, float, str]:
    """Null, then known names in their order, then numbers, then other text."""
    if value is None:
        return (0, 0.0, "")
    if value in known:
        return (1, float(known[value]), "")
    text = str(value)
    if isinstance(value, bool | int) or text.isdecimal():
        return (2, float(value), "")
    return (3, 0.0, text)
