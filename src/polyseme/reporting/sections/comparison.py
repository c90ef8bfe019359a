"""Scores of every representation on every task, and what pre-training adds."""

from __future__ import annotations

from polyseme.reporting import checks, numbers, questions
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

TESTS = (
    "Behind the best: difference, 95 % interval over seeds and items, and p, corrected for all "
    "comparisons of its table (Holm). A tie cannot be told apart from the best."
)
RANKS = (
    "Ranks, best strategy of each by validation: from behind all that are better to before all "
    "that are worse, all pairs of a task being one family of tests; equal ranges cannot be told "
    "apart. Beats another: how often one run of it is better than one of another, in the "
    "mean over tasks and others (Agarwal et al. 2021; 0.5 is a toss-up)."
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
        tables=(*tables, *_gains(evidence), *_ranks(evidence)),
        notes=(f"Scores are {NOTE}", TESTS, RANKS, *_power(evidence)),
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
        p = numbers.p_value(rival.p)
        told = f"p {p}" if p.startswith("<") else f"p = {p}"
        text += f" ({numbers.tested(contest.metric, rival.behind, rival.p, signed=False)}; {told})"
    return Cell(f"tie: {text}" if rival.tied else text, rival.behind.mean)


def _gains(evidence: Evidence) -> list[Table]:
    """Each strategy against scratch: a table for each task and number of labels."""
    tables: dict[tuple[str, int | None], list[list[Cell | str]]] = {}
    for gain in gains(evidence):
        mean = gain.difference.mean if gain.difference else None
        shown = numbers.value(gain.metric, mean, signed=True)
        between = numbers.tested(gain.metric, gain.difference, gain.p)
        line: list[Cell | str] = [gain.strategy, gain.system, Cell(shown, mean), between]
        line += [Cell(numbers.p_value(gain.p), gain.p), gain.verdict]
        tables.setdefault((gain.task, gain.train_size), []).append(line)
    columns = ["Strategy", "Representation", "Gain over scratch", "Interval", "p", "Verdict"]
    told = "what pre-training adds to the same representation trained from scratch"
    return [
        table(f"{task}: {told}, {numbers.count(size)} training items", columns, lines,
              is_folded=True)
        for (task, size), lines in tables.items()
    ]  # fmt: skip


def _ranks(evidence: Evidence) -> list[Table]:
    """Ranks that the tests leave open, and how often a representation beats another."""
    found = questions.ranks(evidence)
    if not found or len(evidence.ordered()) <= 1:
        return []
    beats = questions.improvements(evidence)
    lines: list[list[Cell | str]] = []
    for name in evidence.ordered():
        line: list[Cell | str] = [name]
        for of in found.values():
            low, high = of.get(name, (None, None))
            text = numbers.MISSING if low is None else f"{low} to {high}"
            line.append(Cell(str(low) if low is not None and low == high else text, low))
        p = beats.get(name)
        told = numbers.bounded("", p.value, p.low, p.high) if p else numbers.MISSING
        lines.append([*line, Cell(told, p.value if p else None)])
    columns = ["Representation", *found, "Beats another"]
    return [table("Ranks that cannot be told apart", columns, lines)]


def _power(evidence: Evidence) -> list[str]:
    """What the tests of each task could not see."""
    found = []
    for task, group in _by_task(contests(evidence)).items():
        behind = [rival.behind for contest in group for rival in contest.ranking.rivals]
        size = questions.seen(behind)
        kept = next((d for d in behind if d and d.num_items), None)
        if size is not None and kept is not None:
            seeds, items = numbers.count(kept.num_seeds), numbers.count(kept.num_items)
            shown = numbers.value(group[0].metric, size)
            found.append(f"{task} {shown} ({seeds} seeds, {items} items)")
    if not found:
        return []
    return [
        "What these experiments cannot see: differences below the following would be missed in "
        f"more than one of five (median of the comparisons, uncorrected): {numbers.listing(found)}."
    ]


def _by_task(found: list[Contest]) -> dict[str, list[Contest]]:
    groups: dict[str, list[Contest]] = {}
    for contest in found:
        groups.setdefault(contest.task, []).append(contest)
    return groups
