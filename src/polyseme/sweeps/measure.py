"""What a trial is worth and what it cost, from the tables and records of its stages."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from polyseme import results
from polyseme.errors import ConfigError
from polyseme.sweeps import conf
from polyseme.sweeps.conf import Objective
from polyseme.sweeps.process import Finished

SUMS = ("seconds",)


def measure(name: str, key: str, objective: Objective, stages: Sequence[Finished]) -> float:
    """The value of an objective.

    Args:
        name: of the sweep, for the message.
        key: of the objective.

    Raises:
        ConfigError: no stage writes it.
    """
    rows = [row for stage in stages for file in stage.results for row in results.read(file)]
    if objective.cost:
        return _cost(objective.cost, rows, stages)
    return mean_of(name, key, objective, rows)


def mean_of(name: str, key: str, objective: Objective, rows: Sequence[dict[str, Any]]) -> float:
    """The mean of the rows that an objective names.

    Raises:
        ConfigError: there is none.
    """
    file, wanted = conf.path(name), objective.rows
    if unknown := sorted(wanted.keys() - set(results.SCHEMA.names)):
        what = f"objectives.{key}.rows: no column {unknown[0]!r}"
        raise ConfigError(what, where=file, mend=f"one of {', '.join(results.SCHEMA.names)}")
    found = [row["value"] for row in rows if all(row[c] == v for c, v in wanted.items())]
    found = [value for value in found if value is not None]
    if not found:
        what = f"objectives.{key}: no stage writes a row with {_text(wanted)}"
        raise ConfigError(what, where=file, mend=_there(wanted, rows))
    return math.fsum(found) / len(found)


def _there(wanted: dict[str, Any], rows: Iterable[dict[str, Any]]) -> str:
    """The first column whose value no row has, and the values that there are."""
    left = list(rows)
    for column, value in wanted.items():
        fitting = [row for row in left if row[column] == value]
        if not fitting:
            there = sorted({str(row[column]) for row in left})
            return f"{column} may be {', '.join(there[:12])}"
        left = fitting
    return "its rows hold no value"


def _text(wanted: dict[str, Any]) -> str:
    return ", ".join(f"{column} = {value}" for column, value in wanted.items())


def _cost(cost: str, rows: Sequence[dict[str, Any]], stages: Sequence[Finished]) -> float:
    if cost in ("num_parameters", "words_seen"):
        of_model = [r for r in rows if r["stage"] == "pretrain"] or rows
        return float(max((row[cost] or 0 for row in of_model), default=0))
    if cost == "num_bytes":
        return float(max(stage.record.get("costs", {}).get(cost, 0) for stage in stages))
    values = [float(stage.record.get(cost, 0)) for stage in stages]
    return math.fsum(values) if cost in SUMS else max(values)
