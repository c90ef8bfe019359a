"""Parts of the answer: strategy, layer, labels and price."""

from __future__ import annotations

from polyseme.reporting import learning, numbers, questions
from polyseme.reporting.collect import Evidence
from polyseme.reporting.measurements import SCRATCH, Measurements, lower_is_better
from polyseme.reporting.page import Cell, Part, table
from polyseme.reporting.probing import CLASSIFIER, probings
from polyseme.reporting.sections.comparison import number
from polyseme.reporting.sections.learning import labels_text
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
    """Where in the network a linear probe reads best."""
    static = set(evidence.static())
    names = [name for name in evidence.ordered() if name not in static]
    lines: list[Line] = []
    depths: list[float] = []
    for each in probings(evidence):
        if each.kind != CLASSIFIER or each.probe != "linear":
            continue
        found = []
        for system in names:
            layers = each.scores.where(system=system).by("layer")
            means = {k: s.mean for k, g in layers.items() if (s := g.summary())}
            if len(means) > 1:
                top = max(means, key=lambda layer: means[layer])
                found.append(
                    (system, int(top), means[top] - means.get("0", means[top]), len(means))
                )
        if found:
            depth = sum(top / (num - 1) for _, top, _, num in found) / len(found)
            depths.append(depth)
            rise = sum(gain for *_, gain, _ in found) / len(found)
            tops = numbers.listing([f"{system} {top}" for system, top, *_ in found])
            line: Line = [each.task, Cell(f"{depth:.2f}", depth)]
            lines.append([*line, Cell(numbers.value("", rise, signed=True), rise), tops])
    if not lines:
        return None
    lines.sort(key=lambda line: line[1].sort or 0.0 if isinstance(line[1], Cell) else 0.0)
    low, high = lines[0], lines[-1]
    sentence = (
        "A linear probe reads contextual representations best, in the mean over tasks, at "
        f"{sum(depths) / len(depths):.2f} of their depth (0: input, 1: last layer): earliest for "
        f"{_text(low[0])} ({_text(low[1])}), latest for {_text(high[0])} ({_text(high[1])})."
    )
    columns = ["Task", "Depth of the best layer", "Gain over layer 0", "Best layer of each"]
    rows = table("Where a linear probe finds it, in the mean over representations", columns, lines)
    return Part("Which layer?", (sentence,), tables=(rows,))


def _text(cell: Cell | str) -> str:
    return cell.text if isinstance(cell, Cell) else cell


def labels(evidence: Evidence) -> Part | None:
    """What the score that few labels give takes from others."""
    found = [each for each in learning.saved(evidence) if each.scratch]
    if not found:
        return None
    size = numbers.count(min(each.labels for each in found))
    never = sum(each.scratch.mean.bound == "more than" for each in found if each.scratch)
    lines: list[Line] = []
    for task in dict.fromkeys(each.task for each in found):
        own = [each for each in found if each.task == task]
        best = _chosen(evidence, own)
        needed = best.scratch.mean if best.scratch else None
        static = best.static.mean if best.static else None
        line: Line = [task, f"{best.system}, {best.strategy}", number(best.labels)]
        line.append(Cell(numbers.spread(best.metric, best.score), best.score.mean))
        for each in (needed, static):
            text = numbers.MISSING if each is None else labels_text(each)
            line.append(Cell(text, each.number if each else None))
        lines.append(line)
    sentence = (
        f"What {size} labels buy with pre-training takes more labels from scratch than were tried "
        f"in {never} of {len(found)} comparisons of task, strategy and representation."
    )
    columns = ["Task", "Best with few labels", "Labels", "Score", "From scratch needs"]
    caption = "Labels that the same score takes, for what validation chooses with few"
    told = f"{caption} (no test; see Learning curves)"
    rows = table(told, [*columns, "Best static needs"], lines, fold=("Labels",))
    return Part("With how many labels?", (sentence,), tables=(rows,))


def _chosen(evidence: Evidence, own: list[learning.Saved]) -> learning.Saved:
    """The best by validation with these labels; by final data where nothing was held out."""
    task, metric, size = own[0].task, own[0].metric, own[0].labels
    rows = evidence.rows.where(stage="finetune", task=task, metric=metric, split="valid")
    held_out = rows.where(train_size=size).real().known().by("system", "strategy")
    sign = -1.0 if lower_is_better(metric) else 1.0

    def value(each: learning.Saved) -> float:
        summary = held_out.get((each.system, each.strategy), Measurements([])).summary()
        return sign * (summary.mean if summary else each.score.mean)

    return max(own, key=value)


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
