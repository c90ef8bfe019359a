"""The few numbers that tell two runs apart: columns of `dvc metrics` and `dvc exp show`.

    bits_per_byte.<model>   held-out loss of a language model
    mean.<representation>   main score of fine-tuning, mean over tasks
    static.<task>           the best static representation
    contextual.<task>       the best contextual one

A score is the mean over seeds in the main metric of the task, with the most labels and the best
strategy; `scratch`, which pre-trains nothing, counts only where it is alone. Means hold only what
has a score on all tasks, so that they compare; tasks in whose metric less is better have no part in
them.
"""

from __future__ import annotations

from math import floor, log10
from typing import Any

from polyseme.reporting.collect import Evidence
from polyseme.reporting.measurements import SCRATCH, lower_is_better
from polyseme.reporting.rankings import finals

DIGITS = 4
LOSS = "bits_per_byte"
FAMILIES = ("static", "contextual")

Nested = dict[str, Any]


def rounded(value: float) -> float:
    """Four digits after the point; from 1 on four in all, whole numbers at least."""
    places = DIGITS if abs(value) < 1 else DIGITS - 1 - floor(log10(abs(value)))
    return round(value, max(places, 0))


def summary(evidence: Evidence) -> Nested:
    """All of it; what was not measured has no column."""
    found: Nested = {}
    losses = evidence.rows.where(stage="pretrain", split="valid", metric=LOSS)
    for system, rows in losses.by("system").items():
        if loss := rows.summary():
            found.setdefault(LOSS, {})[system] = rounded(loss.mean)
    scores = {task: best for task in evidence.selection.tasks if (best := _best(evidence, task))}
    if means := _means(evidence, scores):
        found["mean"] = means
    for family in FAMILIES:
        if tops := _of_family(evidence, scores, family):
            found[family] = tops
    return found


def _sign(evidence: Evidence, task: str) -> int:
    return -1 if lower_is_better(str(evidence.main_metric(task))) else 1


def _best(evidence: Evidence, task: str) -> dict[tuple[str, str], float]:
    """Score of each representation, by name and family, with its best strategy."""
    found: dict[tuple[str, str], float] = {}
    rows = finals(evidence, task)
    strategies = [name for name in rows.distinct("strategy") if name != SCRATCH] or [SCRATCH]
    sign = _sign(evidence, task)
    groups = rows.where(strategy=tuple(strategies)).by("system", "family", "strategy")
    for (system, family, _), measured in groups.items():
        if score := measured.largest().summary():
            known = found.get((system, family), score.mean)
            found[system, family] = max(known, score.mean, key=lambda value: sign * value)
    return found


def _means(evidence: Evidence, scores: dict[str, dict[tuple[str, str], float]]) -> Nested:
    alike = [best for task, best in scores.items() if _sign(evidence, task) > 0]
    if not alike:
        return {}
    names = [key for key in alike[0] if all(key in best for best in alike)]
    return {key[0]: rounded(sum(best[key] for best in alike) / len(alike)) for key in names}


def _of_family(
    evidence: Evidence, scores: dict[str, dict[tuple[str, str], float]], family: str
) -> Nested:
    found = {}
    for task, best in scores.items():
        sign = _sign(evidence, task)
        own = [value for (_, of), value in best.items() if of == family]
        if own:
            found[task] = rounded(max(own, key=lambda value: sign * value))
    return found
