"""reports/sweeps/<name>: what a sweep found, whole or not at all.

README.md           the best of each family, how they compare at equal trials, all trials
trials.parquet      one row a trial and objective
expected.parquet    expected best by number of trials
expected.svg, expected-dark.svg
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from optuna.study import Study

from polyseme.errors import DataError
from polyseme.reporting import numbers
from polyseme.reporting.figures import style
from polyseme.reporting.pages import markdown
from polyseme.runtime import whole
from polyseme.sweeps import conf, figure, table
from polyseme.sweeps.conf import Sweep
from polyseme.sweeps.expected import Expected

FOLDER = Path("reports/sweeps")
POINTS = (1, 2, 5, 10, 20, 50, 100)
DIGITS, SMALL = 4, 1e-3


def write(name: str, sweep: Sweep, studies: Mapping[str, Study], root: Path = Path()) -> Path:
    """Write the report of the trials that have ended, in place of an earlier one.

    Raises:
        DataError: no trial is complete.
    """
    found = table.curves(sweep, studies)
    if not found:
        raise DataError("no trial is complete", where=f"sweep {name}", mend="run it first")
    rows = table.rows(sweep, studies)
    folder = root / FOLDER / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = whole.beside(folder)
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        table.write(temporary, sweep, rows, found)
        svg = figure.draw(sweep, found, rows)
        (temporary / "expected.svg").write_text(svg, encoding="utf-8")
        (temporary / "expected-dark.svg").write_text(style.dark(svg), encoding="utf-8")
        lines = [*_head(name, sweep), *_best(sweep, studies, rows), *_expected(sweep, found)]
        lines += [*_cost(sweep, rows), *_trials(sweep, rows), *_columns()]
        (temporary / "README.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
        whole.put(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def _head(name: str, sweep: Sweep) -> Iterator[str]:
    yield f"# Sweep: {markdown(name)}"
    yield ""
    yield (
        f"From `{conf.path(name).as_posix()}`, on experiment `{sweep.experiment}`, corpus"
        f" `{sweep.corpus}`: {sweep.trials} trials a family at most, sampler {sweep.sampler},"
        f" pruner {sweep.pruner.kind}, seed {sweep.seed}. Written by `polyseme sweep {name}`."
    )
    yield ""
    for key, objective in sweep.objectives.items():
        what = objective.cost or ", ".join(f"{k} {v}" for k, v in objective.rows.items())
        yield f"- **{markdown(key)}** ({objective.goal}): {markdown(what)}"
    yield ""


def _best(
    sweep: Sweep, studies: Mapping[str, Study], rows: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    several = len(sweep.objectives) > 1
    yield "## The front of each family" if several else "## The best of each family"
    yield ""
    yield (
        "| family | trials | complete | pruned | failed | repeated | trial | "
        + " | ".join([*map(markdown, sweep.objectives), "values"])
        + " |"
    )
    yield "|---" * (8 + len(sweep.objectives)) + "|"
    first = next(iter(sweep.objectives))
    for family, study in studies.items():
        mine = [r for r in rows if r["family"] == family and r["objective"] == first]
        states = [
            sum(r["state"] == state for r in mine) for state in ("complete", "pruned", "fail")
        ]
        counts = [len(mine), *states, table.retried(study)]
        for trial in table.front_of(study):
            values = [_number(value) for value in trial.values]
            cells = [markdown(family), *map(str, counts), str(trial.number), *values]
            yield f"| {' | '.join([*cells, _params(trial.params)])} |"
    yield ""


def _params(params: Mapping[str, Any]) -> str:
    return markdown(", ".join(f"{key} = {_text(value)}" for key, value in params.items()))


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _number(value: float | None) -> str:
    """Whole numbers with separators, others with four decimals, small ones with four digits."""
    if value is None:
        return numbers.MISSING
    if value == int(value):
        text = f"{value:,.0f}"
    elif abs(value) >= SMALL:
        text = f"{value:,.{DIGITS}f}".rstrip("0").rstrip(".")
    else:
        text = f"{value:.{DIGITS}g}"
    return text.replace("-", "−")


def _spread(point: Expected) -> str:
    """Mean and deviation; one that rounding hides is 0."""
    hidden = abs(point.mean) >= SMALL and point.sd < 10**-DIGITS
    sd = 0.0 if hidden else point.sd
    return f"{_number(point.mean)} ± {_number(sd)}"


def _expected(sweep: Sweep, found: Mapping[str, Sequence[Expected]]) -> Iterator[str]:
    key = next(iter(sweep.objectives))
    shown = [n for n in POINTS if any(len(points) >= n for points in found.values())]
    yield "## Expected best by number of trials"
    yield ""
    yield (
        "What the best of *n* trials is worth on average (Dodge et al. 2019, section 3.1): with"
        " B values in order, the sum of v(i) × ((i/B)ⁿ − ((i−1)/B)ⁿ). Families are compared"
        " at equal trials. Trials that were pruned or failed count as the worst of their family."
    )
    if sweep.sampler in ("tpe", "nsga2"):
        yield (
            f"The formula is meant for random search; trials of {sweep.sampler} hang on earlier"
            " ones, so that the line says what they are worth in random order. The dots show them"
            " as they came."
        )
    yield ""
    yield "<picture>"
    yield '  <source media="(prefers-color-scheme: dark)" srcset="expected-dark.svg">'
    yield f'  <img alt="{figure.ALT}" src="expected.svg">'
    yield "</picture>"
    yield ""
    yield f"| {markdown(key)}, family | " + " | ".join(f"n = {n}" for n in shown) + " |"
    yield "|---" * (1 + len(shown)) + "|"
    for family, points in found.items():
        cells = [_spread(points[n - 1]) if n <= len(points) else numbers.MISSING for n in shown]
        yield f"| {markdown(family)} | {' | '.join(cells)} |"
    yield ""


def _cost(sweep: Sweep, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Seconds of the stages of all trials that ended, as they took when they ran."""
    yield "## What it cost"
    yield ""
    yield "| family | trials | all trials | one trial | shortest | longest |"
    yield "|---|---|---|---|---|---|"
    first = next(iter(sweep.objectives))
    for family in sweep.families:
        mine = [r for r in rows if r["family"] == family and r["objective"] == first]
        taken = [r["seconds"] for r in mine if r["seconds"] is not None]
        if taken:
            spans = (sum(taken), sum(taken) / len(taken), min(taken), max(taken))
            cells = [markdown(family), str(len(mine)), *map(numbers.duration, spans)]
            yield f"| {' | '.join(cells)} |"
    yield ""


def _trials(sweep: Sweep, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "## All trials"
    yield ""
    yield f"| family | trial | state | {' | '.join(map(markdown, sweep.objectives))} | values |"
    yield "|---" * (4 + len(sweep.objectives)) + "|"
    by_trial: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
    for row in rows:
        by_trial.setdefault((row["family"], row["trial"]), []).append(row)
    for (family, number), mine in by_trial.items():
        values = " | ".join(_number(row["value"]) for row in mine)
        state = markdown(mine[0]["state"] + (f": {why}" if (why := mine[0]["reason"]) else ""))
        params = _params(json.loads(mine[0]["params"]))
        yield f"| {markdown(family)} | {number} | {state} | {values} | {params} |"
    yield ""


def _columns() -> Iterator[str]:
    yield "## Columns of trials.parquet"
    yield ""
    yield "| column | type | meaning |"
    yield "|---|---|---|"
    for field in table.TRIALS:
        meaning = markdown(table.DICTIONARY[field.name])
        yield f"| {markdown(field.name)} | {field.type} | {meaning} |"
