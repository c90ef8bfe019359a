"""Whether few labels with pre-training are worth as much as all of them without."""

from __future__ import annotations

from dataclasses import dataclass, replace

from polyseme.reporting.collect import Evidence
from polyseme.reporting.learning import Saved, saved
from polyseme.reporting.measurements import SCRATCH, Measurements, lower_is_better
from polyseme.reporting.outcomes import across
from polyseme.reporting.rankings import finals, outcomes
from polyseme.stats.differences import Difference, holm, verdict
from polyseme.stats.ranking import by_seeds


@dataclass(frozen=True)
class Few:
    """What validation chooses with few labels, against the same without pre-training and all.

    Attributes:
        saved: labels that it takes elsewhere.
        most: labels of the other side.
        difference: few labels with pre-training less all without, above 0 where few are better.
        p: corrected for all tasks.
    """

    saved: Saved
    most: int
    difference: Difference | None
    p: float | None = None

    @property
    def verdict(self) -> str:
        """In one word: better, worse or tie."""
        return verdict(self.difference, self.p)


def few(evidence: Evidence) -> list[Few]:
    """One for each task with several numbers of labels that something ran from scratch for."""
    own: dict[str, list[Saved]] = {}
    for each in saved(evidence):
        if each.scratch:
            own.setdefault(each.task, []).append(each)
    found = [_few(evidence, chosen_of(evidence, of)) for of in own.values()]
    values = holm([each.difference.p if each.difference else None for each in found])
    return [replace(each, p=p) for each, p in zip(found, values, strict=True)]


def chosen_of(evidence: Evidence, own: list[Saved]) -> Saved:
    """The best by validation with these labels; by final data where nothing was held out."""
    task, metric, size = own[0].task, own[0].metric, own[0].labels
    rows = evidence.rows.where(stage="finetune", task=task, metric=metric, split="valid")
    held_out = rows.where(train_size=size).real().known().by("system", "strategy")
    sign = -1.0 if lower_is_better(metric) else 1.0

    def value(each: Saved) -> float:
        summary = held_out.get((each.system, each.strategy), Measurements([])).summary()
        return sign * (summary.mean if summary else each.score.mean)

    return max(own, key=value)


def _few(evidence: Evidence, each: Saved) -> Few:
    rows = finals(evidence, each.task)
    ours, theirs = (each.system, each.strategy), (each.system, SCRATCH)
    group = rows.where(system=each.system, strategy=each.strategy, train_size=each.labels)
    reference = rows.where(system=each.system, strategy=SCRATCH).largest()
    kept = outcomes(evidence, each.task, rows, each.labels), outcomes(evidence, each.task, rows)
    difference = across(*kept, ours, theirs) or by_seeds(group.by_seed(), reference.by_seed())
    sign = -1.0 if lower_is_better(each.metric) else 1.0
    return Few(each, reference.one("train_size"), difference and difference.times(sign))
