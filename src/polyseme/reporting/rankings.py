"""Who is best on which task with which strategy: the facts that the report's sentences state."""

from __future__ import annotations

from dataclasses import dataclass, replace

from polyseme.reporting.collect import Evidence
from polyseme.reporting.measurements import SCRATCH, Measurements, lower_is_better
from polyseme.reporting.outcomes import TaskOutcomes
from polyseme.stats.differences import Difference, holm, verdict
from polyseme.stats.ranking import Ranking, by_seeds, rank, together
from polyseme.stats.seeds import Summary


@dataclass(frozen=True)
class Contest:
    """All representations on one task with one strategy and the same labels."""

    task: str
    strategy: str
    metric: str
    split: str
    train_size: int | None
    ranking: Ranking

    @property
    def winners(self) -> list[str]:
        """The leader and all that are tied with it."""
        return [self.ranking.leader, *(rival.name for rival in self.ranking.tied)]


@dataclass(frozen=True)
class Gain:
    """What a strategy adds to the same representation without pre-training.

    Attributes:
        p: of the difference, corrected for all gains of the task with as many labels.
    """

    task: str
    metric: str
    strategy: str
    system: str
    train_size: int | None
    difference: Difference | None
    p: float | None = None

    @property
    def verdict(self) -> str:
        """In one word: better, worse or tie."""
        sign = -1.0 if lower_is_better(self.metric) else 1.0
        return verdict(self.difference and self.difference.times(sign), self.p)


def finals(evidence: Evidence, task: str) -> Measurements:
    """Final scores of fine-tuning on a task, in its main metric, for every number of labels."""
    rows, asked = evidence.rows, {"task": task, "metric": evidence.main_metric(task)}
    return rows.remember(
        ("finals", *asked.values()),
        lambda: rows.where(stage="finetune", **asked).real().final().known(),
    )


def outcomes(
    evidence: Evidence, task: str, rows: Measurements, size: int | None = None
) -> TaskOutcomes | None:
    """What was predicted of the items on which these final scores were measured.

    Args:
        size: number of labels; None: the most of each strategy.
    """
    metric, split = rows.one("metric"), rows.one("split")
    return evidence.outcomes.of(task, metric, split, size) if metric and split else None


def contests(evidence: Evidence) -> list[Contest]:
    """One for each task and strategy, with the most labels that the strategy was run with.

    The comparisons of a task, which stand in one table, are corrected together.
    """
    found = []
    for task in evidence.selection.tasks:
        rows = finals(evidence, task)
        kept = outcomes(evidence, task, rows)
        made = [_contest(task, s, of.largest(), kept) for s, of in rows.by("strategy").items()]
        corrected = together([contest.ranking for contest in made])
        found += [replace(c, ranking=r) for c, r in zip(made, corrected, strict=True)]
    return found


def _contest(task: str, strategy: str, rows: Measurements, kept: TaskOutcomes | None) -> Contest:
    metric = str(rows.one("metric"))
    groups = rows.by("system")

    def compare(first: str, second: str) -> Difference | None:
        return kept.compare((first, strategy), (second, strategy)) if kept else None

    scores = {name: group.by_seed() for name, group in groups.items()}
    return Contest(
        task=task,
        strategy=strategy,
        metric=metric,
        split=str(rows.one("split")),
        train_size=rows.one("train_size"),
        ranking=rank(scores, lower_is_better=lower_is_better(metric), compare=compare),
    )


def gains(evidence: Evidence) -> list[Gain]:
    """Each strategy against scratch, where a representation was measured with both.

    Representations that saw no text, such as random vectors, have nothing to gain. The p values of
    a task and number of labels, which stand in one table, are corrected together.
    """
    found = [gain for task in evidence.selection.tasks for gain in _gains(evidence, task)]
    families: dict[tuple[str, int | None], list[Gain]] = {}
    for gain in found:
        families.setdefault((gain.task, gain.train_size), []).append(gain)
    return [gain for family in families.values() for gain in _corrected(family)]


def _corrected(family: list[Gain]) -> list[Gain]:
    values = holm([gain.difference.p if gain.difference else None for gain in family])
    return [replace(gain, p=p) for gain, p in zip(family, values, strict=True)]


def _gains(evidence: Evidence, task: str) -> list[Gain]:
    rows = finals(evidence, task)
    largest = {name: of.largest().one("train_size") for name, of in rows.by("strategy").items()}
    found = []
    for (system, size), of_system in rows.by("system", "train_size").items():
        groups = of_system.by("strategy")
        reference = groups.pop(SCRATCH, None)
        if reference is None or of_system.distinct("words_seen") == [0]:
            continue
        for strategy, group in groups.items():
            is_most = size == largest[strategy] == largest[SCRATCH]
            kept = outcomes(evidence, task, rows, None if is_most else size)
            pair = (system, strategy), (system, SCRATCH)
            difference = kept.compare(*pair) if kept else None
            difference = difference or by_seeds(group.by_seed(), reference.by_seed())
            found.append(Gain(task, str(group.one("metric")), strategy, system, size, difference))
    return found


def baselines(evidence: Evidence, task: str) -> dict[str, Summary]:
    """Baselines that look at no representation, in the main metric of a task."""
    metric = evidence.main_metric(task)
    rows = evidence.rows.where(stage="baseline", task=task, metric=metric).real().final()
    groups = rows.by("representation").items()
    return {name: summary for name, group in groups if (summary := group.summary())}
