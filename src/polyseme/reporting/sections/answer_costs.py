"""Parts of the answer: strategy, layer, labels and price."""

from __future__ import annotations

from polyseme.reporting import depths, few_labels, numbers, questions
from polyseme.reporting.collect import Evidence
from polyseme.reporting.measurements import SCRATCH
from polyseme.reporting.page import Cell, Part, table
from polyseme.reporting.sections.comparison import number
from polyseme.reporting.sections.learning import labels_text
from polyseme.stats.curves import Needed
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


def layers(evidence: Evidence) -> Part | None:
    """Where in the network a linear probe reads best, and what cannot be told apart from there."""
    found = depths.depths(evidence)
    if not found:
        return None
    lines: list[Line] = []
    for task in dict.fromkeys(each.task for each in found):
        own = [each for each in found if each.task == task]
        depth = sum(each.best / (each.num_layers - 1) for each in own) / len(own)
        gains = [r.behind.mean for each in own if (r := each.over_input) and r.behind]
        gain = sum(gains) / len(own)
        line: Line = [task, Cell(f"{depth:.2f}", depth)]
        line.append(Cell(numbers.value(own[0].metric, gain, signed=True), gain))
        line += [number(sum(map(_above_input, own))), number(len(own))]
        lines.append([*line, numbers.listing([_place(each) for each in own])])
    lines.sort(key=lambda line: line[1].sort or 0.0 if isinstance(line[1], Cell) else 0.0)
    low, high = lines[0], lines[-1]
    mean = sum(each.best / (each.num_layers - 1) for each in found) / len(found)
    above = sum(map(_above_input, found))
    alone = sum(not each.ranking.tied for each in found)
    sentence = (
        f"A linear probe reads contextual representations best, in the mean, at {mean:.2f} of "
        f"their depth (0: input, 1: last layer): earliest for {_text(low[0])} ({_text(low[1])}), "
        f"latest for {_text(high[0])} ({_text(high[1])}). The best layer is above the input and "
        f"better than it in {above} of {len(found)} pairs of task and representation; in "
        f"{alone} every other layer is worse than it."
    )
    columns = ["Task", "Depth of the best layer", "Gain over layer 0", "Better than layer 0"]
    columns += ["Representations", "Best layer of each (not told apart from it)"]
    rows = table("Where a linear probe finds it, in the mean over representations", columns, lines)
    return Part("Which layer?", (sentence,), tables=(rows,))


def _above_input(each: depths.Depth) -> bool:
    return each.over_input is not None and not each.over_input.tied


def _place(each: depths.Depth) -> str:
    """`bert 2 (1, 3)`."""
    tied = sorted(int(rival.name) for rival in each.ranking.tied)
    told = f" ({', '.join(map(str, tied))})" if tied else ""
    return f"{each.system} {each.best}{told}"


def _text(cell: Cell | str) -> str:
    return cell.text if isinstance(cell, Cell) else cell


def labels(evidence: Evidence) -> Part | None:
    """What few labels give with pre-training, against all of them without."""
    found = few_labels.few(evidence)
    if not found:
        return None
    size = numbers.count(min(each.saved.labels for each in found))
    lines: list[Line] = []
    for each in found:
        best = each.saved
        line: Line = [best.task, f"{best.system}, {best.strategy}", number(best.labels)]
        line.append(Cell(numbers.spread(best.metric, best.score), best.score.mean))
        line += [_needed(best.scratch), _needed(best.static)]
        line += [number(each.most), *told(best.metric, each.difference, each.p)]
        lines.append([*line, _FEW[each.verdict]])
    ways = {way: [each.saved.task for each in found if each.verdict == way] for way in _FEW}
    sentence = "; ".join(
        f"{words} on {numbers.listing(ways[way])}"
        for way, words in (
            ("better", f"{size} labels with pre-training are better than all labels without"),
            ("worse", f"all labels without pre-training are better than {size} with it"),
            ("tie", f"{size} with it and all without cannot be told apart"),
        )
        if ways[way]
    )
    columns = ["Task", "Best with few labels", "Labels", "Score", "From scratch needs"]
    columns += ["Best static needs", "All labels", "Less scratch with all", "Interval", "p"]
    caption = "What validation chooses with few labels, and what its score takes without"
    rows = table(caption, [*columns, "Better"], lines, fold=("Labels",))
    text = f"{sentence[0].upper()}{sentence[1:]}."
    return Part("With how many labels?", (text,), tables=(rows,))


def _needed(of: Needed | None) -> Cell:
    return Cell(labels_text(of.mean), of.mean.number) if of else Cell(numbers.MISSING)


_FEW = {"better": "few with", "worse": "all without", "tie": "tie"}


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
    return [difference, numbers.interval(metric, shown, signed=True), small(p)]


def small(p: float | None) -> Cell:
    """A p value as a cell."""
    return Cell(numbers.p_value(p), p)
