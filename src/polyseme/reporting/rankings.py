"""Who is best on which task with which strategy: the facts that the report's sentences state."""

from __future__ import annotations

from dataclasses import dataclass

from polyseme.reporting.collect import Evidence
from polyseme.reporting.measurements import SCRATCH, Measurements, lower_is_better
from polyseme.stats.ranking import Ranking, rank
from polyseme.stats.seeds import Summary, paired


@dataclass(frozen=True)
class Contest:
    """All representations on one task with one strategy and the same labels.

    Attributes:
        families: system -> static or contextual.
    """

    task: str
    strategy: str
    metric: str
    split: str
    train_size: int | None
    ranking: Ranking
    families: dict[str, str]

    @property
    def winners(self) -> list[str]:
        """The leader and all that are tied with it."""
        return [self.ranking.leader, *(rival.name for rival in self.ranking.tied)]

    @property
    def winning_family(self) -> str | None:
        """Family of all winners; None where they are of several."""
        found = {self.families[name] for name in self.winners}
        return found.pop() if len(found) == 1 else None


@dataclass(frozen=True)
class Gain:
    """What a strategy adds to the same representation without pre-training, seed by seed."""

    task: str
    metric: str
    strategy: str
    system: str
    train_size: int | None
    difference: Summary | None

    @property
    def verdict(self) -> str:
        """In one word: better, worse or tie."""
        if self.difference is None or self.difference.includes_zero:
            return "tie"
        rises = self.difference.mean > 0
        return "better" if rises != lower_is_better(self.metric) else "worse"


def finals(evidence: Evidence, task: str) -> Measurements:
    """Final scores of fine-tuning on a task, in its main metric, for every number of labels."""
    rows = evidence.rows.where(stage="finetune", task=task, metric=evidence.main_metric(task))
    return rows.real().final().known()


def contests(evidence: Evidence) -> list[Contest]:
    """One for each task and strategy, with the most labels that the strategy was run with."""
    found = []
    for task in evidence.selection.tasks:
        for strategy, rows in finals(evidence, task).by("strategy").items():
            found.append(_contest(task, strategy, rows.largest()))
    return found


def _contest(task: str, strategy: str, rows: Measurements) -> Contest:
    metric = str(rows.one("metric"))
    groups = rows.by("system")
    scores = {name: group.by_seed() for name, group in groups.items()}
    return Contest(
        task=task,
        strategy=strategy,
        metric=metric,
        split=str(rows.one("split")),
        train_size=rows.one("train_size"),
        ranking=rank(scores, lower_is_better=lower_is_better(metric)),
        families={name: str(group.one("family")) for name, group in groups.items()},
    )


def gains(evidence: Evidence) -> list[Gain]:
    """Each strategy against scratch, where a representation was measured with both.

    Representations that saw no text, such as random vectors, have nothing to gain.
    """
    found = []
    for task in evidence.selection.tasks:
        for (system, size), rows in finals(evidence, task).by("system", "train_size").items():
            if rows.distinct("words_seen") == [0]:
                continue
            groups = rows.by("strategy")
            reference = groups.pop(SCRATCH, None)
            if reference is None:
                continue
            for strategy, group in groups.items():
                difference = paired(group.by_seed(), reference.by_seed())
                metric = str(group.one("metric"))
                found.append(Gain(task, metric, strategy, system, size, difference))
    return found


def baselines(evidence: Evidence, task: str) -> dict[str, Summary]:
    """Baselines that look at no representation, in the main metric of a task."""
    metric = evidence.main_metric(task)
    rows = evidence.rows.where(stage="baseline", task=task, metric=metric).real().final()
    groups = rows.by("representation").items()
    return {name: summary for name, group in groups if (summary := group.summary())}
