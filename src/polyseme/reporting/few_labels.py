"""Whether few labels with pre-training are worth as much as all of them without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from polyseme.reporting.collect import Evidence
from polyseme.reporting.learning import Saved, saved
from polyseme.reporting.measurements import SCRATCH, Measurements, lower_is_better
from polyseme.reporting.outcomes import across
from polyseme.reporting.rankings import baselines, finals, outcomes
from polyseme.stats.differences import Difference, holm, verdict
from polyseme.stats.ranking import by_seeds


@dataclass(frozen=True)
class Few:
    """What validation chooses with few labels, against the same choice from scratch with all.

    Attributes:
        saved: labels that it takes elsewhere.
        reference: representation that is best from scratch, on validation data.
        most: its labels, more than those of the first.
        baseline: that looks at no representation and is not below with all labels; blank: none.
        difference: few labels with pre-training less all without, above 0 where few are better.
        p: corrected for all tasks.
    """

    saved: Saved
    reference: str
    most: int
    baseline: str
    difference: Difference | None
    p: float | None = None

    @property
    def few(self) -> int:
        """Labels of the first."""
        return self.saved.labels

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
    made = [_few(evidence, of) for of in own.values()]
    found = [each for each in made if each.few < each.most]
    values = holm([each.difference.p if each.difference else None for each in found])
    return [replace(each, p=p) for each, p in zip(found, values, strict=True)]


def _few(evidence: Evidence, own: Sequence[Saved]) -> Few:
    task, metric, size = own[0].task, own[0].metric, own[0].labels
    sign = -1.0 if lower_is_better(metric) else 1.0
    rows = finals(evidence, task)
    pretrained = rows.where(train_size=size).by("system", "strategy")
    keys = {(each.system, each.strategy): each for each in own}
    ours = _chosen(evidence, {key: pretrained[key] for key in keys}, size)
    scratch = rows.where(strategy=SCRATCH).largest()
    most = int(scratch.one("train_size"))
    theirs = _chosen(evidence, scratch.by("system", "strategy"), most)
    kept = outcomes(evidence, task, rows, size), outcomes(evidence, task, rows)
    seeds = pretrained[ours].by_seed(), scratch.by("system", "strategy")[theirs].by_seed()
    difference = across(*kept, ours, theirs) or by_seeds(*seeds)
    score = sign * keys[ours].score.mean
    stands = {name: sign * of.mean for name, of in baselines(evidence, task).items()}
    best = max(stands, key=lambda name: stands[name], default="")
    return Few(
        saved=keys[ours],
        reference=theirs[0],
        most=most,
        baseline=best if best and stands[best] >= score else "",
        difference=difference and difference.times(sign),
    )


def _chosen(
    evidence: Evidence, groups: dict[tuple[str, str], Measurements], size: int
) -> tuple[str, str]:
    """The best by validation with these labels; by final data where nothing was held out."""
    first = next(iter(groups.values()))
    task, metric = first.one("task"), str(first.one("metric"))
    rows = evidence.rows.where(stage="finetune", task=task, metric=metric, split="valid")
    held_out = rows.where(train_size=size).real().known().by("system", "strategy")
    sign = -1.0 if lower_is_better(metric) else 1.0

    def value(key: tuple[str, str]) -> float:
        summary = held_out.get(key, Measurements([])).summary() or groups[key].summary()
        return sign * summary.mean if summary else float("-inf")

    return max(groups, key=value)
