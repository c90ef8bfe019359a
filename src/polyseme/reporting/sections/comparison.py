"""Scores of every representation on every task, and what pre-training adds."""

from __future__ import annotations

from polyseme.reporting import checks, numbers
from polyseme.reporting.collect import Evidence
from polyseme.reporting.figures import comparison as figure
from polyseme.reporting.measurements import Measurements
from polyseme.reporting.page import Cell, Section, Table, table
from polyseme.reporting.rankings import Contest, contests, gains
from polyseme.stats.seeds import Summary

FOLD = ("Seeds", "Training items", "Items", "Layer", "Pooling")
NOTE = (
    "mean ± standard deviation over seeds. Each representation was pre-trained once: the spread "
    "is that of transfer (initialisation, order and sampling), not that of pre-training again."
)


def build(evidence: Evidence) -> Section | None:
    """The section; None where nothing was fine-tuned."""
    drawn = figure.draw(evidence)
    if drawn is None:
        return None
    found = contests(evidence)
    tables = [
        _scores(evidence, task, [c for c in found if c.task == task])
        for task in dict.fromkeys(c.task for c in found)
    ]
    return Section(
        "Comparison",
        "comparison",
        figures=(drawn,),
        tables=(*tables, *(t for t in [_gains(evidence)] if t)),
        notes=(f"Scores are {NOTE}",),
    )


def score(metric: str, rows: Measurements, *, strong: bool = False) -> Cell:
    """Mean and spread as a cell that sorts by the mean."""
    summary = rows.summary()
    return Cell(numbers.spread(metric, summary), summary.mean if summary else None, strong)


def number(value: float | None) -> Cell:
    """A count as a cell."""
    return Cell(numbers.count(value), value)


def _scores(evidence: Evidence, task: str, found: list[Contest]) -> Table:
    """All metrics of a task with the most labels of each strategy; the baselines come last."""
    rows = evidence.rows.where(stage="finetune", task=task).real().final()
    rows = rows.largest_of_each("strategy")
    base = evidence.rows.where(stage="baseline", task=task).real().final()
    main = found[0].metric
    metrics = [main] + [m for m in rows.distinct("metric") if m != main]
    checked = evidence.rows.where(stage=checks.STAGE)
    lines: list[list[Cell | str]] = []
    for contest in found:
        group = rows.where(strategy=contest.strategy).by("system")
        order = {contest.ranking.leader: contest.ranking.summary}
        order |= {rival.name: rival.summary for rival in contest.ranking.rivals}
        for name, summary in order.items():
            line = _line(contest, name, summary, group[name], metrics)
            lines.append([contest.strategy, checks.label(checked, name), *line])
    for name, measured in base.by("representation").items():
        scores = [score(m, measured.where(metric=m)) for m in metrics]
        blanks = [Cell(numbers.MISSING)] * 6
        items = number(measured.one("num_items"))
        lines.append(["baseline", numbers.name(name), *scores, *blanks, items])
    columns = ["Strategy", "Representation", *map(numbers.name, metrics)]
    columns += ["Behind the best", "Lowest to highest seed", "Seeds", "Layer", "Pooling"]
    columns += ["Training items", "Items"]
    caption = f"{task}: {numbers.listing([numbers.name(m) for m in metrics])} on {found[0].split}"
    return table(caption, columns, lines, fold=FOLD)


def _line(
    contest: Contest, name: str, summary: Summary, rows: Measurements, metrics: list[str]
) -> list[Cell | str]:
    main = contest.metric
    best = name in contest.winners
    scores = [score(m, rows.where(metric=m), strong=best and m == main) for m in metrics]
    low, high = (numbers.value(main, end) for end in (summary.minimum, summary.maximum))
    return [
        *scores,
        _behind(contest, name),
        Cell(f"{low} to {high}", summary.minimum),
        number(summary.num),
        rows.one("layer") or numbers.MISSING,
        rows.one("pooling") or numbers.MISSING,
        number(contest.train_size),
        number(rows.one("num_items")),
    ]


def _behind(contest: Contest, name: str) -> Cell:
    if name == contest.ranking.leader:
        return Cell("tied best" if contest.ranking.tied else "best", 0.0)
    rival = next(r for r in contest.ranking.rivals if r.name == name)
    if rival.behind is None:
        return Cell("tie (no common seed)", 0.0)
    text = numbers.value(contest.metric, rival.behind.mean)
    if rival.behind.low is not None:
        text += f" ({numbers.interval(contest.metric, rival.behind)})"
    return Cell(f"tie: {text}" if rival.tied else text, rival.behind.mean)


def _gains(evidence: Evidence) -> Table | None:
    """Each strategy against scratch, seed by seed."""
    lines: list[list[Cell | str]] = []
    for gain in gains(evidence):
        mean = gain.difference.mean if gain.difference else None
        shown = numbers.value(gain.metric, mean, signed=True)
        between = numbers.interval(gain.metric, gain.difference, signed=True)
        size = number(gain.train_size)
        lines.append(
            [gain.task, gain.strategy, gain.system, Cell(shown, mean), between, gain.verdict, size]
        )
    columns = ["Task", "Strategy", "Representation", "Gain over scratch", "Interval", "Verdict"]
    caption = "What pre-training adds: main metric minus that of the same representation trained "
    caption += "from scratch"
    return table(caption, [*columns, "Training items"], lines, fold=FOLD) if lines else None
