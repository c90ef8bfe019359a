"""Every test of a report as a row of its table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from polyseme.reporting import depths, few_labels, questions
from polyseme.reporting.checks import counted
from polyseme.reporting.collect import Evidence
from polyseme.reporting.measurements import SCRATCH, Row, lower_is_better
from polyseme.reporting.outcomes import Key
from polyseme.reporting.questions import Duel
from polyseme.reporting.rankings import Contest, contests, finals, gains, outcomes
from polyseme.stats.differences import Difference

STAGE = "test"
BEST, GAIN = "behind the best", "gain over scratch"
FAMILIES, STRATEGIES, PRICE = "static or contextual", "strategy", "price"
LAYER, LABELS = "layer", "labels"


class About(NamedTuple):
    """What a test belongs to: question, task, metric, and who is compared."""

    question: str
    task: str
    metric: str
    first: Key
    second: Key


def rows(evidence: Evidence) -> Iterator[Row]:
    """Rows of the comparison tables, then of the answer, which leaves out what failed a check."""
    for contest in contests(evidence):
        yield from _contest(contest)
    for gain in gains(evidence):
        pair = (gain.system, gain.strategy), (gain.system, SCRATCH)
        about = About(GAIN, gain.task, gain.metric, *pair)
        yield from _row(about, gain.difference, gain.p, train_size=gain.train_size)
    sound = replace(evidence, rows=counted(evidence.rows))
    for duel in questions.families(sound):
        yield from _duel(FAMILIES, duel)
    for of, system, ranking in questions.strategies(sound):
        for rival in ranking.rivals:
            pair = (system, ranking.leader), (system, rival.name)
            about = About(STRATEGIES, of.task, of.metric, *pair)
            yield from _oriented(about, rival.behind, rival.p)
    yield from _layers(sound)
    yield from _labels(sound)
    for bargain in questions.bargains(sound):
        if bargain.duel:
            yield from _duel(PRICE, bargain.duel)


def _layers(evidence: Evidence) -> Iterator[Row]:
    """The best layer less another."""
    for depth in depths.depths(evidence):
        for rival in depth.ranking.rivals:
            pair = (depth.system, ""), (depth.system, f"layer {rival.name}")
            told = {"layer": depth.ranking.leader, "probe": depths.LINEAR, "strategy": None}
            about = About(LAYER, depth.task, depth.metric, *pair)
            yield from _oriented(about, rival.behind, rival.p, **told)


def _labels(evidence: Evidence) -> Iterator[Row]:
    """Few labels with pre-training less all without."""
    for few in few_labels.few(evidence):
        of = few.saved
        other = (few.reference, f"{SCRATCH} with {few.most} labels")
        about = About(LABELS, of.task, of.metric, (of.system, of.strategy), other)
        yield from _oriented(about, few.difference, few.p, train_size=of.labels)


def bounded(evidence: Evidence) -> Iterator[Row]:
    """All measurements; those whose predictions were kept with their interval over items."""
    ends: dict[int, tuple[float, float]] = {}
    for task in evidence.selection.tasks:
        rows = finals(evidence, task)
        kept = outcomes(evidence, task, rows)
        for row in rows.largest_of_each("strategy") if kept else ():
            found = kept and kept.bounds((row["system"], row["strategy"]), row["seed"])
            if found:
                ends[id(row)] = found
    for row in evidence.rows:
        low, high = ends.get(id(row), (row["low"], row["high"]))
        yield row | {"low": low, "high": high}


def _contest(contest: Contest) -> Iterator[Row]:
    told = {"train_size": contest.train_size, "split": contest.split}
    for rival in contest.ranking.rivals:
        pair = (contest.ranking.leader, contest.strategy), (rival.name, contest.strategy)
        about = About(BEST, contest.task, contest.metric, *pair)
        yield from _oriented(about, rival.behind, rival.p, **told)


def _duel(question: str, duel: Duel) -> Iterator[Row]:
    about = About(question, duel.field.task, duel.field.metric, duel.first, duel.second)
    return _oriented(about, duel.difference, duel.p)


def _oriented(
    about: About, found: Difference | None, p: float | None, **told: Any
) -> Iterator[Row]:
    """First less second, where the difference says how much better the first is."""
    sign = -1.0 if lower_is_better(about.metric) else 1.0
    return _row(about, found and found.times(sign), p, **told)


def _row(about: About, found: Difference | None, p: float | None, **told: Any) -> Iterator[Row]:
    if found is None:
        return
    system, strategy = about.first
    yield {
        "stage": STAGE,
        "variant": about.question,
        "task": about.task,
        "metric": about.metric,
        "representation": system,
        "strategy": strategy,
        "against": ", ".join(about.second),
        "value": found.mean,
        "low": found.low,
        "high": found.high,
        "num_items": found.num_items,
        "p": p,
        "p_alone": found.p,
        "p_items": found.p_items,
        "sd_seeds": found.sd_seeds,
        "sd_items": found.sd_items,
        **told,
    }
