"""Which representation and strategy to use, for so many labels and so large a model.

The rule, which templates/choosing.js follows step by step:

1. A pair of representation and strategy stands for itself on a task with the largest measured
   number of labels that is not beyond the budget. What failed a check, or is beyond a limit or has
   no known value there, is left out.
2. Of the asked tasks those count that any pair was measured on; of the pairs those that were
   measured on the most of these tasks.
3. On each task pairs are ranked by their mean on validation data (on final data where there is
   none); equal ones share the mean of their ranks. The smallest sum of ranks is recommended, the
   first of equal ones.
4. A pair that is tied with it on every task cannot be told apart from it. Tied are two rows that
   the list `ties` pairs; where there is no list, those whose intervals overlap, and those of one
   seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from polyseme.errors import ConfigError, DataError

MEGABYTE = 1_000_000
Pair = tuple[int, int]
"""Places of a representation and of a strategy."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a choice has to keep to; None: no limit.

    Attributes:
        labels: labelled training items.
        megabytes: of the weights without a head, 10**6 bytes each.
        seconds: pre-training and one fine-tuning run.
        milliseconds: for one sentence.
    """

    labels: int | None = None
    megabytes: float | None = None
    seconds: float | None = None
    milliseconds: float | None = None


@dataclass(frozen=True)
class Choice:
    """An answer with the rows behind it.

    Attributes:
        tasks: places of the tasks that count.
        pair: the recommended one.
        rows: task -> its row.
        alike: pairs that cannot be told apart from it, best first.
        ranked: every pair with its row of each task, best first.
    """

    tasks: tuple[int, ...]
    pair: Pair
    rows: dict[int, int]
    alike: tuple[Pair, ...]
    ranked: dict[Pair, dict[int, int]]


def tasks_of(scores: dict[str, Any], *, task: str | None, kind: str | None) -> list[int]:
    """Places of the asked tasks: one, those of a kind, or all.

    Raises:
        ConfigError: there is no such task or kind.
    """
    tasks = scores["tasks"]
    for asked, key, option in ((task, "name", "--task"), (kind, "kind", "--kind")):
        known = sorted({each[key] for each in tasks})
        if asked is not None and asked not in known:
            told = f"choose one of {', '.join(known)}"
            raise ConfigError(f"{asked!r} was not measured", where=option, mend=told)
    return [
        n
        for n, each in enumerate(tasks)
        if task in (None, each["name"]) and kind in (None, each["kind"])
    ]


def choose(scores: dict[str, Any], tasks: Sequence[int], limits: Limits) -> Choice:
    """Apply the rule.

    Raises:
        DataError: nothing was measured within the limits.
    """
    found = _candidates(scores, tasks, limits)
    counted = tuple(task for task in tasks if any(task in rows for rows in found.values()))
    if not counted:
        raise DataError("nothing was measured within these limits", mend=_least(scores, tasks))
    most = max(len(rows) for rows in found.values())
    full = {pair: rows for pair, rows in sorted(found.items()) if len(rows) == most}
    ranks = dict.fromkeys(full, 0.0)
    for task in counted:
        for pair, rank in _ranks(scores, task, full).items():
            ranks[pair] += rank
    order = sorted(full, key=lambda pair: (ranks[pair], pair))
    best = order[0]
    alike = [
        pair
        for pair in order[1:]
        if full[pair].keys() == full[best].keys()
        and all(tied(scores, row, full[best][task]) for task, row in full[pair].items())
    ]
    ranked = {pair: full[pair] for pair in order}
    return Choice(counted, best, full[best], tuple(alike), ranked)


def tied(scores: dict[str, Any], first: int, second: int) -> bool:
    """Whether two rows cannot be told apart: the one place where this is decided."""
    if scores["ties"] is not None:
        return [first, second] in scores["ties"] or [second, first] in scores["ties"]
    low, high = scores["rows"]["low"], scores["rows"]["high"]
    if any(column[row] is None for column in (low, high) for row in (first, second)):
        return True
    return bool(low[first] <= high[second] and low[second] <= high[first])


def _candidates(
    scores: dict[str, Any], tasks: Sequence[int], limits: Limits
) -> dict[Pair, dict[int, int]]:
    """Pair -> task -> row with the largest number of labels within the budget."""
    rows = scores["rows"]
    found: dict[Pair, dict[int, int]] = {}
    for n, task in enumerate(rows["task"]):
        if task not in tasks or not rows["counts"][n] or not _within(rows, n, limits):
            continue
        chosen = found.setdefault((rows["system"][n], rows["strategy"][n]), {})
        if task not in chosen or (rows["labels"][n] or 0) > (rows["labels"][chosen[task]] or 0):
            chosen[task] = n
    return found


def _within(rows: dict[str, list[Any]], n: int, limits: Limits) -> bool:
    megabytes = limits.megabytes
    bounds = {
        "labels": limits.labels,
        "bytes": None if megabytes is None else megabytes * MEGABYTE,
        "seconds": limits.seconds,
        "milliseconds": limits.milliseconds,
    }
    return all(
        bound is None or (rows[name][n] is not None and rows[name][n] <= bound)
        for name, bound in bounds.items()
    )


def _ranks(
    scores: dict[str, Any], task: int, found: dict[Pair, dict[int, int]]
) -> dict[Pair, float]:
    """0 is the best; a pair that was not measured on the task is behind all others."""
    rows, sign = scores["rows"], 1 if scores["tasks"][task]["lower"] else -1
    values = {}
    for pair, own in found.items():
        n = own.get(task)
        value = None if n is None else rows["mean" if rows["valid"][n] is None else "valid"][n]
        values[pair] = float("inf") if value is None else sign * value
    return {
        pair: sum(other < value for other in values.values())
        + (sum(other == value for other in values.values()) - 1) / 2
        for pair, value in values.items()
    }


def _least(scores: dict[str, Any], tasks: Sequence[int]) -> str:
    """What to do: the smallest values of what was measured on these tasks and passed."""
    rows, told = scores["rows"], []
    chosen = [n for n, task in enumerate(rows["task"]) if task in tasks and rows["counts"][n]]
    if not chosen:
        return "choose other tasks: every representation that was measured on these failed a check"
    for name, unit in (("labels", 1), ("bytes", MEGABYTE), ("seconds", 1), ("milliseconds", 1)):
        known = [rows[name][n] for n in chosen if rows[name][n] is not None]
        shown = {"bytes": "MB"}.get(name, name)
        if not known:
            told.append(f"{shown} were not measured, ask for no limit")
        elif name == "labels":
            told.append(f"{min(known):,} labels")
        else:
            told.append(f"{min(known) / unit:,.3g} {shown}")
    return "allow more: the least that was measured is " + ", ".join(told)
