"""The answer, first: what the rows say, in sentences."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from polyseme.reporting import numbers
from polyseme.reporting.checks import counted, failures, label
from polyseme.reporting.collect import Evidence
from polyseme.reporting.measurements import SCRATCH, Measurements, lower_is_better
from polyseme.reporting.page import Item, Section
from polyseme.reporting.rankings import Contest, baselines, contests, finals, gains
from polyseme.stats.ranking import Ranking, rank
from polyseme.stats.seeds import LEVEL, Summary

RULE = (
    "Every difference is taken seed by seed; where the "
    f"{LEVEL:.0%} Student interval of the differences includes 0, or there are fewer than two "
    "common seeds, the report calls it a tie: it is smaller than the spread over seeds can tell. "
    "Intervals are not corrected for the number of comparisons."
)


def build(evidence: Evidence) -> Section | None:
    """The section; None where nothing was fine-tuned."""
    failed = _failed(evidence)
    evidence = replace(evidence, rows=counted(evidence.rows))
    found = contests(evidence)
    if not found:
        return None
    tasks = [name for name in evidence.selection.tasks if any(c.task == name for c in found)]
    items = []
    for task in tasks:
        items.append(Item(task, _setting(evidence, task)))
        most = finals(evidence, task).largest().one("train_size")
        items += [Item(_name(c, most), _verdict(c)) for c in found if c.task == task]
        items.append(Item(f"{task}, all strategies", _overall(evidence, task)))
    return Section(
        "Answer",
        "answer",
        paragraphs=(*failed, headline(found), _worth(evidence)),
        items=tuple(items),
        notes=(RULE,),
    )


def _failed(evidence: Evidence) -> list[str]:
    """Who is left out of all that follows."""
    found = [label(evidence.rows, system) for system in failures(evidence.rows)]
    told = f"Left out of this answer, for a check that failed: {numbers.listing(found)}."
    return [told] if found else []


def headline(found: list[Contest]) -> str:
    """How often which family is best, where what was pre-trained is put to use."""
    found = [contest for contest in found if contest.strategy != SCRATCH]
    families = {family for contest in found for family in contest.families.values()}
    if len(families) < 2:  # noqa: PLR2004
        return "There is no pre-trained representation of another family to compare with."
    wins = Counter(contest.winning_family for contest in found)
    parts = [
        f"a {family} representation is best in {wins[family]}"
        for family in sorted(families, key=lambda name: (-wins[name], name))
    ]
    plural = "s" if len(found) > 1 else ""
    return (
        f"Of {len(found)} combination{plural} of task and transfer strategy, "
        f"{', '.join(parts)}, and in {wins[None]} the best of both families are tied."
    )


def _worth(evidence: Evidence) -> str:
    """How often pre-training helps."""
    verdicts = Counter(gain.verdict for gain in gains(evidence))
    total = sum(verdicts.values())
    if not total:
        return "No representation was measured both with and without pre-training."
    return (
        f"Against the same representation trained from scratch, pre-training is better in "
        f"{verdicts['better']}, worse in {verdicts['worse']} and tied in {verdicts['tie']} of "
        f"{total} comparisons."
    )


def _setting(evidence: Evidence, task: str) -> str:
    """What was measured, on how much."""
    rows = finals(evidence, task).largest()
    seeds, size = len(rows.distinct("seed")), rows.one("train_size")
    text = f"{numbers.name(str(rows.one('metric')))} on the {rows.one('split')} split"
    if (num_items := rows.one("num_items")) is not None:
        text += f" ({numbers.count(num_items)} items)"
    text += f", {seeds} seed{'s' if seeds != 1 else ''}"
    return text + (f", {numbers.count(size)} training items." if size is not None else ".")


def _name(contest: Contest, most: int | None) -> str:
    """Task and strategy, and the labels where it was run with fewer than others."""
    fewer = contest.train_size is not None and contest.train_size != most
    told = f" with {numbers.count(contest.train_size)} training items" if fewer else ""
    return f"{contest.task}, {contest.strategy}{told}"


def _verdict(contest: Contest) -> str:
    return _sentence(contest.ranking, contest.metric)


def _sentence(ranking: Ranking, metric: str) -> str:
    """Leader, ties with it, and the distance to the next one."""
    best = f"{ranking.leader} ({numbers.spread(metric, ranking.summary)})"
    if not ranking.rivals:
        return f"{best}, the only one measured."
    if ranking.tied:
        first, *others = ranking.tied
        closest = _with_difference(first.name, first.summary, first.behind, metric)
        text = f"a tie: {best} has the best mean, but cannot be told apart from {closest}"
        text += f", nor from {numbers.some([r.name for r in others])}" if others else ""
    else:
        text = f"{best} is best"
    if not ranking.beaten:
        return f"{text}."
    following = ranking.beaten[0]
    distance = _with_difference(following.name, following.summary, following.behind, metric)
    return f"{text}; ahead of {distance}."


def _with_difference(name: str, summary: Summary, behind: Summary | None, metric: str) -> str:
    text = f"{name} ({numbers.spread(metric, summary)}"
    if behind is None:
        return f"{text}; no common seed)"
    text += f"; difference {numbers.value(metric, behind.mean)}"
    if behind.low is None:
        return f"{text}, one seed)"
    return f"{text}, interval {numbers.interval(metric, behind)})"


def _overall(evidence: Evidence, task: str) -> str:
    """The best of all strategies, against the best baseline."""
    rows = finals(evidence, task).largest()
    metric = str(rows.one("metric"))
    text = _sentence(_rank_all(rows, metric), metric)
    stands = baselines(evidence, task)
    if not stands:
        return text
    sign = -1.0 if lower_is_better(metric) else 1.0
    name, baseline = max(stands.items(), key=lambda pair: sign * pair[1].mean)
    best = _rank_all(rows, metric).summary
    above = sign * (best.mean - baseline.mean) > 0
    relation = "above" if above else "not above"
    shown = numbers.value(metric, baseline.mean)
    return f"{text} Its mean is {relation} the {numbers.name(name)} baseline ({shown})."


def _rank_all(rows: Measurements, metric: str) -> Ranking:
    groups = rows.by("system", "strategy")
    scores = {f"{system} with {strategy}": g.by_seed() for (system, strategy), g in groups.items()}
    return rank(scores, lower_is_better=lower_is_better(metric))
