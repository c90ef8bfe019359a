"""`polyseme choose`: what a written report recommends, with the rows behind it.

It gives the same answer as the form of the report's HTML page (polyseme.reporting.choosing).
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from polyseme.errors import ConfigError

COLUMNS = ("", "representation", "strategy", "task", "metric", "score", "interval")
MORE = ("seeds", "labels", "MB", "seconds", "ms")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("--report", type=Path, required=True, help="folder, as reports/demo")
    about = parser.add_mutually_exclusive_group()
    about.add_argument("--task", help="one task (default: all of the report)")
    about.add_argument("--kind", help="all tasks of a family, as tagging")
    parser.add_argument("--labels", help="labelled training items, at most")
    parser.add_argument("--max-mb", help="megabytes of the weights, at most")
    parser.add_argument("--max-seconds", help="seconds of pre-training and one run, at most")
    parser.add_argument("--max-ms", help="milliseconds for one sentence, at most")


def run(chosen: argparse.Namespace) -> int:
    """Print the answer.

    Raises:
        ConfigError: a task or kind that was not measured, or a limit that is no number above zero.
        DataError: no such report, or nothing was measured within the limits.
    """
    from polyseme.reporting import choosing, scores

    limits = choosing.Limits(
        labels=_whole("--labels", chosen.labels),
        megabytes=_limit("--max-mb", chosen.max_mb),
        seconds=_limit("--max-seconds", chosen.max_seconds),
        milliseconds=_limit("--max-ms", chosen.max_ms),
    )
    found = scores.load(chosen.report)
    asked = choosing.tasks_of(found, task=chosen.task, kind=chosen.kind)
    print("\n".join(_told(found, choosing.choose(found, asked, limits))))
    return 0


def _limit(option: str, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (value > 0 and math.isfinite(value)):
        raise ConfigError(f"{text!r} is no limit", where=option, mend="give a number above 0")
    return value


def _whole(option: str, text: str | None) -> int | None:
    value = _limit(option, text)
    if value is None:
        return None
    if value != int(value):
        told = "give a whole number of at least 1"
        raise ConfigError(f"{text!r} is no number of items", where=option, mend=told)
    return int(value)


def _told(found: dict[str, Any], choice: Any) -> Iterator[str]:
    """The recommendation, how many are alike, and a table of the rows."""
    first, *_ = choice.ranked
    system, strategy = found["systems"][first[0]]["name"], found["strategies"][first[1]]
    named = ", ".join(found["tasks"][task]["name"] for task in choice.tasks)
    yield f"use {system} with {strategy} (measured on {named})"
    others = len(choice.alike)
    plural = "s" if others != 1 else ""
    yield (
        f"cannot be told apart from it: {others} other{plural}"
        if others
        else ("no other is tied with it on every task that counts")
    )
    lines: list[tuple[str, ...]] = [(*COLUMNS, *MORE)]
    following = [pair for pair in choice.ranked if pair != first and pair not in choice.alike][:1]
    groups = (("recommended", [first]), ("alike", choice.alike), ("next", following))
    for mark, pairs in groups:
        for pair in pairs:
            lines += [_line(found, mark, n) for n in choice.ranked[pair].values()]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        yield "  ".join(text.ljust(w) for text, w in zip(line, widths, strict=True)).rstrip()


def _line(found: dict[str, Any], mark: str, n: int) -> tuple[str, ...]:
    from polyseme.reporting import numbers
    from polyseme.reporting.choosing import MEGABYTE

    row = {name: values[n] for name, values in found["rows"].items()}
    task = found["tasks"][row["task"]]
    metric = task["metric"]
    ends = [numbers.value(metric, row[end]) for end in ("low", "high")]
    return (
        mark,
        found["systems"][row["system"]]["name"],
        found["strategies"][row["strategy"]],
        task["name"],
        numbers.name(metric),
        numbers.value(metric, row["mean"]),
        numbers.MISSING if row["low"] is None else " to ".join(ends),
        numbers.count(row["seeds"]),
        numbers.count(row["labels"]),
        numbers.MISSING if row["bytes"] is None else f"{row['bytes'] / MEGABYTE:.3g}",
        numbers.MISSING if row["seconds"] is None else f"{row['seconds']:,.0f}",
        numbers.MISSING if row["milliseconds"] is None else f"{row['milliseconds']:.3g}",
    )
