"""Scores by number of labels, and the labels that pre-training saves."""

from __future__ import annotations

from dataclasses import dataclass

from polyseme.reporting.collect import Evidence
from polyseme.reporting.measurements import SCRATCH, Measurements, lower_is_better
from polyseme.reporting.rankings import finals
from polyseme.stats.curves import Needed, budget, needed
from polyseme.stats.seeds import Summary

FEW_LABELS = 128
"""With so many labels, or the smallest number that was measured, scores are compared."""
LEAST_BUDGETS = 2


@dataclass(frozen=True)
class Saved:
    """What a pre-trained representation reaches with few labels, and what that takes without.

    Attributes:
        labels: with which it was trained.
        score: main metric over seeds.
        scratch: labels that the same representation needs from scratch; None where it was not run.
        static: labels that the best static representation needs; None for static ones.
        best_static: its name and strategy; blank where there is none.
    """

    task: str
    metric: str
    strategy: str
    system: str
    labels: int
    score: Summary
    scratch: Needed | None
    static: Needed | None
    best_static: str


def budgeted(evidence: Evidence) -> dict[str, Measurements]:
    """Task -> final scores, for each task with several numbers of labels."""
    found = {task: finals(evidence, task) for task in evidence.selection.tasks}
    return {
        task: rows
        for task, rows in found.items()
        if len(rows.distinct("train_size")) >= LEAST_BUDGETS
    }


def curves(rows: Measurements) -> dict[int, dict[int, float]]:
    """Seed -> number of labels -> score, of one representation with one strategy."""
    return {
        seed: {row["train_size"]: row["value"] for row in group if row["train_size"]}
        for seed, group in rows.by("seed").items()
    }


def saved(evidence: Evidence) -> list[Saved]:
    """One for each task, strategy with pre-training and representation that saw text."""
    return [each for rows in budgeted(evidence).values() for each in _of_task(evidence, rows)]


def _of_task(evidence: Evidence, rows: Measurements) -> list[Saved]:
    groups = rows.by("strategy", "system")
    size = budget(rows.distinct("train_size"), FEW_LABELS)
    best = _best_static(evidence, rows)
    found = []
    for (strategy, system), group in groups.items():
        few = group.where(train_size=size)
        score = few.summary()
        if strategy == SCRATCH or score is None or group.distinct("words_seen") == [0]:
            continue
        is_static = system in evidence.static()
        found.append(
            Saved(
                task=str(rows.one("task")),
                metric=str(rows.one("metric")),
                strategy=strategy,
                system=system,
                labels=size,
                score=score,
                scratch=_needed(groups.get((SCRATCH, system)), few),
                static=None if is_static or best is None else _needed(groups[best], few),
                best_static="" if is_static or best is None else f"{best[1]}, {best[0]}",
            )
        )
    return found


def _needed(reference: Measurements | None, few: Measurements) -> Needed | None:
    if reference is None:
        return None
    lower = lower_is_better(str(few.one("metric")))
    return needed(curves(reference), few.by_seed(), lower_is_better=lower)


def _best_static(evidence: Evidence, rows: Measurements) -> tuple[str, str] | None:
    """Strategy and name of the static representation with the best mean with all labels."""
    sign = -1.0 if lower_is_better(str(rows.one("metric"))) else 1.0
    found = {
        key: sign * summary.mean
        for key, group in rows.largest().by("strategy", "system").items()
        if key[0] != SCRATCH and key[1] in evidence.static() and (summary := group.summary())
    }
    return max(found, key=lambda key: found[key]) if found else None
