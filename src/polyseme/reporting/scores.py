"""One line a task, representation, strategy and number of labels: what charts and choices read.

The lines stand in the page and in scores.json, column by column: names as their places in lists,
numbers with six digits. The script of the page and `polyseme choose` read the same lines.

    tasks       name, kind (family of the task), metric, lower (whether less is better)
    systems     name, family, pretrain (seconds, null where not known)
    strategies  names
    rows        task, system, strategy: places in those lists; labels; valid: mean on validation
                data; mean, low, high: on final data, with the interval over seeds, with the most
                labels over items as well; seeds: their number; seconds: pre-training and one
                run; bytes, parameters; milliseconds: for one sentence without the head; counts:
                whether no check of the representation failed. Bytes and milliseconds of a stack
                are those of both its parts
    ties        pairs of rows that cannot be told apart (alike.py); null: there are too many to
                compare, so those whose intervals overlap
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from polyseme.errors import DataError
from polyseme.reporting import alike
from polyseme.reporting.collect import Evidence
from polyseme.reporting.made import NUM_BYTES
from polyseme.reporting.measurements import SCRATCH, Measurements, lower_is_better
from polyseme.reporting.rankings import finals, outcomes

NAME, PAIR = "scores.json", 2
COLUMNS = (
    "task system strategy labels valid mean low high seeds seconds bytes parameters milliseconds "
    "counts"
).split()


class _Strict(BaseModel):
    """Values of just these types; a number may be whole."""

    model_config = ConfigDict(strict=True, extra="forbid")


def _printable(name: str) -> str:
    if not name.isprintable():
        raise ValueError("a name with control characters")
    return name


Name = Annotated[str, AfterValidator(_printable)]
Known = Annotated[float, Field(ge=0)]
"""A cost."""


class _Task(_Strict):
    name: Name
    kind: Name
    metric: Name
    lower: bool


class _System(_Strict):
    name: Name
    family: str | None
    pretrain: Known | None


class _Rows(_Strict):
    task: list[int]
    system: list[int]
    strategy: list[int]
    labels: list[int | None]
    valid: list[float | None]
    mean: list[float]
    low: list[float | None]
    high: list[float | None]
    seeds: list[int]
    seconds: list[Known | None]
    bytes: list[Known | None]
    parameters: list[Annotated[int, Field(ge=0)] | None]
    milliseconds: list[Known | None] | None = None
    counts: list[int]


class _Scores(_Strict):
    """What `build` gives; places are in their lists, and columns of one length."""

    tasks: list[_Task]
    systems: list[_System]
    strategies: list[Name]
    rows: _Rows
    ties: list[list[int]] | None

    @model_validator(mode="after")
    def _places(self) -> _Scores:
        num = len(self.rows.task)
        sizes = len(self.tasks), len(self.systems), len(self.strategies)
        columns = (self.rows.task, self.rows.system, self.rows.strategy)
        inside = all(min(c) >= 0 and max(c) < n for c, n in zip(columns, sizes, strict=True) if c)
        values = [of for name in COLUMNS if (of := getattr(self.rows, name)) is not None]
        even = {len(of) for of in values} == {num}
        names = [of.name for of in self.tasks], [of.name for of in self.systems], self.strategies
        even &= all(len(set(of)) == len(of) for of in names)
        pairs = all(len(p) == PAIR and all(0 <= n < num for n in p) for p in self.ties or ())
        if not (num and inside and even and pairs):
            raise ValueError("places beyond their lists")
        return self


def build(evidence: Evidence) -> dict[str, Any] | None:
    """The lines of a report; None where nothing was fine-tuned."""
    by_task = {task: finals(evidence, task) for task in evidence.selection.tasks}
    by_task = {task: rows for task, rows in by_task.items() if rows}
    if not by_task:
        return None
    measured = [row["system"] for rows in by_task.values() for row in rows]
    names = [name for name in evidence.systems() if name in set(measured)]
    strategies = list(dict.fromkeys(row["strategy"] for rows in by_task.values() for row in rows))
    places = tuple({n: i for i, n in enumerate(each)} for each in (by_task, names, strategies))
    lines = [
        line for task, rows in by_task.items() for line in _lines(evidence, task, rows, places)
    ]
    tasks = list(by_task)
    numbered = {
        (tasks[task], (names[system], strategies[strategy], labels)): n
        for n, (task, system, strategy, labels, *_) in enumerate(lines)
    }
    return {
        "tasks": [_task(evidence, task, rows) for task, rows in by_task.items()],
        "systems": [_system(evidence, name) for name in names],
        "strategies": strategies,
        "rows": {name: [line[n] for line in lines] for n, name in enumerate(COLUMNS)},
        "ties": alike.ties(evidence, by_task, numbered),
    }


def dump(scores: dict[str, Any]) -> str:
    """As the text of scores.json."""
    return json.dumps(scores, ensure_ascii=False, separators=(",", ":"), allow_nan=False) + "\n"


def load(folder: Path) -> dict[str, Any]:
    """The lines of a written report.

    Raises:
        DataError: there are none, or they cannot be read.
    """
    path = folder / NAME
    if not path.is_file():
        told = "run `dvc repro`, or name the folder of a report in which something was fine-tuned"
        raise DataError("is missing", where=path, mend=told)
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number)
        _Scores.model_validate(content)
    except (ValueError, RecursionError):
        raise DataError("is not readable", where=path, mend="run `dvc repro` again") from None
    rows = content["rows"]  # a report of before this was measured lacks it
    rows["milliseconds"] = rows.get("milliseconds") or [None] * len(rows["task"])
    return dict(content)


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")


def number(value: float | None) -> float | None:
    """Six significant digits are more than seeds can tell."""
    return None if value is None else float(f"{value:.6g}")


def _task(evidence: Evidence, task: str, rows: Measurements) -> dict[str, Any]:
    metric = str(rows.one("metric"))
    kind = str(evidence.tasks.get(task, {}).get("family") or "other")
    return {"name": task, "kind": kind, "metric": metric, "lower": lower_is_better(metric)}


def _system(evidence: Evidence, name: str) -> dict[str, Any]:
    of = evidence.made.get(name)
    rows = evidence.rows.where(stage="finetune", system=name)
    seconds = number(of.seconds) if of else None
    return {"name": name, "family": rows.one("family"), "pretrain": seconds}


def _lines(
    evidence: Evidence, task: str, rows: Measurements, places: tuple[dict[str, int], ...]
) -> list[tuple[Any, ...]]:
    """In the order of COLUMNS, for one task."""
    keys = ("system", "strategy", "train_size")
    held = evidence.rows.where(
        stage="finetune", task=task, metric=rows.one("metric"), split="valid"
    )
    held_out = held.real().known().by(*keys)
    kept, most = outcomes(evidence, task, rows), rows.largest_of_each("strategy").by(*keys)
    lines = []
    for key, group in rows.by(*keys).items():
        summary, valid = group.summary(), held_out.get(key, Measurements([])).summary()
        if summary is None:
            continue
        system, strategy, labels = key
        wide = kept.interval((system, strategy)) if kept and key in most else None
        low, high = (wide.low, wide.high) if wide else (summary.low, summary.high)
        ends = (number(summary.mean), number(low), number(high))
        size, milliseconds = _served(evidence, group)
        costs = (_seconds(evidence, group), size, group.one("num_parameters"), milliseconds)
        place = (places[0][task], places[1][system], places[2][strategy], labels)
        means = (number(valid.mean) if valid else None, *ends, summary.num)
        lines.append((*place, *means, *costs, int(group.one("checked") is not False)))
    return lines


def _served(evidence: Evidence, group: Measurements) -> tuple[int | None, float | None]:
    """Bytes and milliseconds of what answers: a representation, in a stack its partner as well."""
    partner = evidence.params.get("strategy", {}).get(group.one("strategy"), {}).get("partner")
    names = [group.one("system")]
    names += [evidence.system(group.one("corpus"), partner)] if partner else []
    made = [evidence.made.get(str(name)) for name in names]
    sizes = [of.costs.get(NUM_BYTES) for of in made if of]
    times = [of.latency for of in made if of]
    whole = len(sizes) == len(names)
    return (
        sum(n or 0 for n in sizes) if whole and None not in sizes else None,
        number(sum(n or 0.0 for n in times)) if whole and None not in times else None,
    )


def _seconds(evidence: Evidence, group: Measurements) -> float | None:
    """Of pre-training and of one run in the mean; None where either is not known."""
    of = evidence.made.get(str(group.one("system")))
    before = 0.0 if group.one("strategy") == SCRATCH else of.seconds if of else None
    runs = [row["seconds"] for row in group if row["seconds"] is not None]
    return number(before + sum(runs) / len(runs)) if runs and before is not None else None
