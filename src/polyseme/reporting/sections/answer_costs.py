"""Parts of the answer: strategy and price, and the cells of all parts."""

from __future__ import annotations

from polyseme.reporting import numbers, questions
from polyseme.reporting.collect import Evidence
from polyseme.reporting.measurements import SCRATCH
from polyseme.reporting.page import Cell, Part, table
from polyseme.reporting.sections.comparison import number
from polyseme.stats.differences import Difference

Line = list[Cell | str]


def strategies(evidence: Evidence) -> Part | None:
    """How often each strategy is best for a contextual representation."""
    found = questions.strategies(evidence)
    if not found:
        return None
    names = dict.fromkeys(s for s in evidence.selection.strategies if s != SCRATCH)
    lines: list[Line] = []
    first: dict[str, int] = {}
    for name in names:
        best = sum(r.leader == name and not r.tied for *_, r in found)
        tied = sum(
            name in [r.leader, *(rival.name for rival in r.tied)] and bool(r.tied)
            for *_, r in found
        )
        behind = [
            rival.behind.mean
            for *_, r in found
            for rival in r.rivals
            if rival.name == name and rival.behind
        ]
        run = sum(name == r.leader for *_, r in found) + len(behind)
        if not run:
            continue
        first[name] = best + tied
        mean = sum(behind) / run
        lines.append([name, number(best), number(tied), number(run - best - tied),
                      Cell(numbers.value("", mean), mean), number(run)])  # fmt: skip
    top = max(first, key=lambda name: first[name])
    sentence = (
        f"{top} is best or cannot be told apart from the best in {first[top]} of {len(found)} "
        "pairs of task and contextual representation, more often than any other strategy."
    )
    if list(first.values()).count(first[top]) > 1:
        equal = [name for name in first if first[name] == first[top]]
        sentence = (
            f"{numbers.listing(equal)} are equally often best or not to be told apart from the "
            f"best: in {first[top]} of {len(found)} pairs of task and contextual representation."
        )
    columns = ["Strategy", "Best alone", "Tied for best", "Behind", "Mean distance to the best"]
    caption = "Strategies, each contextual representation on each task a contest"
    rows = table(caption, [*columns, "Contests"], lines)
    return Part("Which strategy?", (sentence,), tables=(rows,))


def price(evidence: Evidence) -> Part | None:
    """The best of each task, and the cheapest tie with it."""
    found = questions.bargains(evidence)
    if not found:
        return None
    lines: list[Line] = []
    for each in found:
        of = each.field
        line: Line = [of.task, scored(of, each.best), _seconds(evidence, each.best[0])]
        line += [scored(of, each.cheapest), _seconds(evidence, each.cheapest[0])]
        shown, p = (each.duel.difference, each.duel.p) if each.duel else (None, None)
        lines.append([*line, *told(of.metric, shown, p)])
    cheaper = [each for each in found if each.duel]
    sentence = (
        f"On {len(cheaper)} of {len(found)} {tasks(len(found))} something cheaper to pre-train "
        "cannot be told apart from the best."
    )
    columns = ["Task", "Best", "Its pre-training", "Cheapest not told apart", "Its pre-training "]
    rows = table(
        "What the best costs, and the least that a tie with it costs",
        [*columns, "Difference", "Interval", "p"],
        lines,
    )
    return Part("For which price?", (sentence,), tables=(rows,))


def _seconds(evidence: Evidence, system: str) -> Cell:
    seconds = evidence.made[system].seconds
    return Cell(numbers.duration(seconds), seconds)


def tasks(number: int) -> str:
    """The noun for so many."""
    return "task" if number == 1 else "tasks"


def scored(of: questions.Field, key: questions.Key) -> Cell:
    """System, strategy and score as a cell."""
    summary = questions.spread(of, key)
    return Cell(f"{key[0]}, {key[1]}: {numbers.spread(of.metric, summary)}", summary.mean)


def told(metric: str, shown: Difference | None, p: float | None) -> list[Cell | str]:
    """Difference, interval and p as cells."""
    mean = shown.mean if shown else None
    difference = Cell(numbers.value(metric, mean, signed=True), mean)
    return [difference, numbers.tested(metric, shown, p), small(p)]


def small(p: float | None) -> Cell:
    """A p value as a cell."""
    return Cell(numbers.p_value(p), p)
