"""What the answer of a report is made of: one comparison for each task and question.

Who stands for a family, and which strategy for a representation, is chosen on validation data, and
compared on final data; strategies among themselves are ranked by final data. The p values of one
question are one family (Holm 1979).
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from polyseme.reporting.collect import Evidence
from polyseme.reporting.measurements import SCRATCH, Measurements, lower_is_better
from polyseme.reporting.outcomes import Key
from polyseme.reporting.rankings import finals, outcomes
from polyseme.stats.differences import Difference, holm, verdict
from polyseme.stats.improvement import Improvement, improvement
from polyseme.stats.ranking import Ranking, by_seeds, rank, together
from polyseme.stats.seeds import Summary

LEAST = 2


@dataclass(frozen=True)
class Field:
    """Everything that was fine-tuned for a task with pre-training, with the most labels.

    Attributes:
        scores: system and strategy -> final scores by seed.
        chosen: system -> its strategy that is best on validation data.
        order: systems by their validation score with it, the best first.
    """

    task: str
    metric: str
    scores: dict[Key, dict[int, float]]
    chosen: dict[str, str]
    order: tuple[str, ...]

    def key(self, system: str) -> Key:
        """The system with its chosen strategy."""
        return system, self.chosen[system]

    def mean(self, key: Key) -> float:
        """Final score in the mean over seeds."""
        return statistics.fmean(self.scores[key].values())


@dataclass(frozen=True)
class Duel:
    """Two systems on a task; the difference is oriented: above 0, the first is better.

    Attributes:
        p: corrected for the other duels of the question; None where there is no interval.
    """

    field: Field
    first: Key
    second: Key
    difference: Difference | None
    p: float | None = None

    @property
    def verdict(self) -> str:
        """In one word: better, worse or tie."""
        return verdict(self.difference, self.p)


def fields(evidence: Evidence) -> list[Field]:
    """One for each task that something pre-trained was fine-tuned for."""
    found = [_field(evidence, task) for task in evidence.selection.tasks]
    return [field for field in found if field]


def _field(evidence: Evidence, task: str) -> Field | None:
    rows = finals(evidence, task).largest()
    rows = Measurements([row for row in rows if row["strategy"] != SCRATCH])
    if not rows:
        return None
    metric = str(rows.one("metric"))
    sign = -1.0 if lower_is_better(metric) else 1.0
    held_out = evidence.rows.where(stage="finetune", task=task, metric=metric, split="valid")
    held_out = held_out.real().known().largest()
    scores = {key: of.by_seed() for key, of in rows.by("system", "strategy").items()}
    valid = {key: of.by_seed() for key, of in held_out.by("system", "strategy").items()}
    by = {key: sign * statistics.fmean((valid.get(key) or scores[key]).values()) for key in scores}
    chosen: dict[str, str] = {}
    for system, strategy in sorted(by, key=lambda key: (-by[key], key)):
        chosen.setdefault(system, strategy)
    return Field(task, metric, scores, chosen, tuple(chosen))


def duel(evidence: Evidence, of: Field, first: Key, second: Key, *, permute: bool = False) -> Duel:
    """Two keys of a field, by seeds and items where predictions were kept, else by seeds."""
    kept = outcomes(evidence, of.task, finals(evidence, of.task))
    found = kept.compare(first, second, permute=permute) if kept else None
    found = found or by_seeds(of.scores[first], of.scores[second])
    sign = -1.0 if lower_is_better(of.metric) else 1.0
    return Duel(of, first, second, found.times(sign) if found else None)


def corrected(duels: Sequence[Duel]) -> list[Duel]:
    """The duels of one question, with p corrected for all of them."""
    values = holm([each.difference.p if each.difference else None for each in duels])
    return [replace(each, p=p) for each, p in zip(duels, values, strict=True)]


def families(evidence: Evidence) -> list[Duel]:
    """The best contextual against the best static representation, task by task."""
    static, found = set(evidence.static()), []
    for of in fields(evidence):
        best = {is_static: name for name in reversed(of.order) for is_static in [name in static]}
        if len(best) == LEAST:
            keys = (of.key(best[False]), of.key(best[True]))
            found.append(duel(evidence, of, *keys, permute=True))
    return corrected(found)


def strategies(evidence: Evidence) -> list[tuple[Field, str, Ranking]]:
    """For each task and contextual representation, its strategies against its best one."""
    static, found = set(evidence.static()), []
    for of in fields(evidence):
        for system in of.order:
            scores = {s: by_seed for (name, s), by_seed in of.scores.items() if name == system}
            if system not in static and len(scores) >= LEAST:
                found.append((of, system, _ranked(evidence, of, system, scores)))
    rankings = together([ranking for *_, ranking in found])
    return [(of, system, r) for (of, system, _), r in zip(found, rankings, strict=True)]


def _ranked(
    evidence: Evidence, of: Field, system: str, scores: dict[str, dict[int, float]]
) -> Ranking:
    def compare(first: str, second: str) -> Difference | None:
        kept = outcomes(evidence, of.task, finals(evidence, of.task))
        return kept.compare((system, first), (system, second)) if kept else None

    return rank(scores, lower_is_better=lower_is_better(of.metric), compare=compare)


@dataclass(frozen=True)
class Bargain:
    """The best of a task, and the cheapest that cannot be told apart from it.

    Attributes:
        best, cheapest: with their chosen strategies.
        duel: of the two; None where the best is the cheapest.
    """

    field: Field
    best: Key
    cheapest: Key
    duel: Duel | None


def bargains(evidence: Evidence) -> list[Bargain]:
    """By seconds of pre-training; only representations that were trained here have a price."""
    price = {name: of.seconds for name, of in evidence.made.items() if of.seconds is not None}
    of_task = {of.task: of for of in fields(evidence)}
    duels = corrected(
        [duel(evidence, of, of.key(of.order[0]), of.key(name))
         for of in of_task.values() for name in of.order[1:]]
    )  # fmt: skip
    found = []
    for of in of_task.values():
        best = of.order[0]
        rivals = [d for d in duels if d.field.task == of.task]
        tied = [d for d in rivals if d.verdict != "better" and d.second[0] in price]
        if best not in price:
            continue
        cheaper = [d for d in tied if price[d.second[0]] < price[best]]
        least = min(cheaper, key=lambda d: price[d.second[0]], default=None)
        found.append(Bargain(of, of.key(best), least.second if least else of.key(best), least))
    return found


def ranks(evidence: Evidence) -> dict[str, dict[str, tuple[int, int]]]:
    """Task -> system -> best and worst rank that the tests leave open.

    All pairs of a task are one family: a rank begins behind all that are better, and ends before
    all that are worse.
    """
    found = {}
    for of in fields(evidence):
        pairs = [(a, b) for n, a in enumerate(of.order) for b in of.order[n + 1 :]]
        duels = corrected([duel(evidence, of, of.key(a), of.key(b)) for a, b in pairs])
        better = dict.fromkeys(of.order, 0)
        worse = dict.fromkeys(of.order, 0)
        for (a, b), each in zip(pairs, duels, strict=True):
            if each.verdict != "tie":
                up, down = (a, b) if each.verdict == "better" else (b, a)
                worse[up] += 1
                better[down] += 1
        total = len(of.order)
        found[of.task] = {name: (1 + better[name], total - worse[name]) for name in of.order}
    return found


def improvements(evidence: Evidence) -> dict[str, Improvement]:
    """System -> how often a run of it beats a run of another, in the mean over tasks and others."""
    runs: dict[str, dict[str, list[float]]] = {}
    for of in fields(evidence):
        sign = -1.0 if lower_is_better(of.metric) else 1.0
        for name in of.order:
            scores = of.scores[of.key(name)].values()
            runs.setdefault(name, {})[of.task] = [sign * value for value in scores]
    found = {name: improvement(own, _others(runs, name)) for name, own in runs.items()}
    return {name: each for name, each in found.items() if each}


def _others(runs: dict[str, dict[str, list[float]]], name: str) -> dict[str, list[float]]:
    """Task -> runs of all others."""
    others: dict[str, list[float]] = {}
    for other, tasks in runs.items():
        for task, values in tasks.items() if other != name else ():
            others.setdefault(task, []).extend(values)
    return others


def seen(summaries: Sequence[Difference | None]) -> float | None:
    """Median of the smallest differences that comparisons would have seen."""
    known = [d.smallest_seen for d in summaries if d and d.smallest_seen is not None]
    return statistics.median(known) if known else None


def spread(of: Field, key: Key) -> Summary:
    """Final scores of a key over seeds."""
    from polyseme.stats.seeds import summarize

    return summarize(list(of.scores[key].values()))
