"""One score a representation and task: the columns of the table of all representations."""

from __future__ import annotations

from dataclasses import dataclass

from polyseme.reporting import intrinsic, numbers
from polyseme.reporting.collect import Evidence
from polyseme.reporting.measurements import SCRATCH, Measurements, lower_is_better
from polyseme.reporting.rankings import baselines, finals


@dataclass(frozen=True)
class Score:
    """A mean over seeds, and the strategy or layer that it was reached with."""

    value: float
    mark: str = ""


@dataclass(frozen=True)
class Measure:
    """Scores of all systems in one metric on one task.

    Attributes:
        pretrained: system -> score, with what was pre-trained.
        scratch: system -> score without pre-training.
        baselines: name -> score of what looks at no representation.
        untrained: whether something is trained for the same task as well, but not here.
    """

    task: str
    metric: str
    pretrained: dict[str, Score]
    scratch: dict[str, Score]
    baselines: dict[str, Score]
    untrained: bool = False

    @property
    def best(self) -> float:
        """The best value of all."""
        scores = (*self.pretrained.values(), *self.scratch.values(), *self.baselines.values())
        return (min if lower_is_better(self.metric) else max)(score.value for score in scores)


def measures(evidence: Evidence) -> list[Measure]:
    """One for each task that something is trained for, then one for each that needs no training."""
    tasks = evidence.selection.tasks
    found = [*(_task(evidence, task) for task in tasks), *(_intrinsic(evidence, t) for t in tasks)]
    return [measure for measure in found if measure]


def _task(evidence: Evidence, task: str) -> Measure | None:
    """Final scores with all labels, with the strategy that validation data chooses."""
    rows = finals(evidence, task).largest()
    if not rows:
        return None
    metric = str(rows.one("metric"))
    trained = evidence.rows.where(stage="finetune", task=task, metric=metric).real().known()
    held_out = trained.largest().where(split="valid") or rows
    pretrained, scratch = {}, {}
    for system, group in rows.by("system").items():
        strategies = _means(group, "strategy")
        if SCRATCH in strategies:
            scratch[system] = Score(strategies.pop(SCRATCH))
        if strategies:
            chosen = _means(held_out.where(system=system), "strategy")
            name = _top({n: chosen.get(n, strategies[n]) for n in strategies}, metric)
            pretrained[system] = Score(strategies[name], name)
    stands = {name: Score(each.mean) for name, each in baselines(evidence, task).items()}
    return Measure(task, metric, pretrained, scratch, stands)


def _intrinsic(evidence: Evidence, task: str) -> Measure | None:
    """The main metric of a task, with the way and in the layer where it is best."""
    rows = evidence.rows.where(stage="intrinsic", task=task, part=None).known()
    found = intrinsic.own(rows)
    metric = intrinsic.main_metric(evidence, task, found)
    if metric is None:
        return None
    pretrained = {}
    for system, group in found.by("system").items():
        if chosen := intrinsic.best(group, metric):
            several = len(group.distinct("layer")) > 1 or len(group.distinct("variant")) > 1
            pretrained[system] = Score(chosen.value, chosen.way if several else "")
    base = {}
    if frequent := rows.where(variant=intrinsic.MOST_FREQUENT, metric=metric).values():
        base[intrinsic.MOST_FREQUENT] = Score(frequent[0])
    is_trained = bool(finals(evidence, task))
    return Measure(task, metric, pretrained, {}, base, is_trained) if pretrained else None


def _means(rows: Measurements, column: str) -> dict[str, float]:
    groups = rows.by(column).items()
    return {name: summary.mean for name, group in groups if (summary := group.summary())}


def _top(scores: dict[str, float], metric: str) -> str:
    """The best name, the first of equal ones."""
    sign = -1.0 if lower_is_better(metric) else 1.0
    return max(scores, key=lambda name: sign * scores[name])


def title(measure: Measure) -> str:
    """Head of its column."""
    told = ", nothing trained" if measure.untrained else ""
    return f"{measure.task}: {numbers.name(measure.metric)}{told}"
