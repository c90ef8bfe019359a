"""Parts of the answer: which layer, and with how many labels."""

from __future__ import annotations

from polyseme.reporting import depths, few_labels, numbers
from polyseme.reporting.collect import Evidence
from polyseme.reporting.page import Cell, Part, table
from polyseme.reporting.sections.answer_costs import told
from polyseme.reporting.sections.comparison import number
from polyseme.reporting.sections.learning import labels_text
from polyseme.stats.curves import Needed

Line = list[Cell | str]


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
    lines.sort(key=_depth)
    mean = sum(each.best / (each.num_layers - 1) for each in found) / len(found)
    above, total = sum(map(_above_input, found)), sum(each.num_pairs for each in found)
    alone = sum(not each.ranking.tied for each in found)
    sentence = (
        f"A linear probe reads contextual representations best, in the mean, at {mean:.2f} of "
        f"their depth (0: input, 1: last layer): earliest for {_ends(lines, 0)}, latest for "
        f"{_ends(lines, -1)}. The best layer is above the input and better than it in {above} of "
        f"{len(found)} pairs of task and representation, and better than every other in {alone} "
        f"(of {total} pairs of layers, p corrected for all)."
    )
    columns = ["Task", "Depth of the best layer", "Gain over layer 0", "Better than layer 0"]
    columns += ["Representations", "Best layer of each (not told apart from it)"]
    rows = table("Where a linear probe finds it, in the mean over representations", columns, lines)
    return Part("Which layer?", (sentence,), tables=(rows,))


def _depth(line: Line) -> float:
    return line[1].sort or 0.0 if isinstance(line[1], Cell) else 0.0


def _ends(lines: list[Line], at: int) -> str:
    """All tasks as early, or as late, as the first or last: `senses and trees (0.89)`."""
    depth = _text(lines[at][1])
    return f"{numbers.listing([_text(of[0]) for of in lines if _text(of[1]) == depth])} ({depth})"


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
    lines: list[Line] = []
    for each in found:
        best = each.saved
        line: Line = [best.task, f"{best.system}, {best.strategy}", number(best.labels)]
        line.append(Cell(numbers.spread(best.metric, best.score), best.score.mean))
        line += [_needed(best.scratch), _needed(best.static), each.reference, number(each.most)]
        line += told(best.metric, each.difference, each.p)
        lines.append([*line, _FEW[each.verdict]])
    columns = ["Task", "Best with few labels", "Labels", "Score", "From scratch needs"]
    columns += ["Best static needs", "Best from scratch", "All labels", "Difference", "Interval"]
    caption = "What validation chooses with few labels, and what that takes without pre-training"
    rows = table(caption, [*columns, "p", "Better"], lines, fold=("Labels",))
    return Part("With how many labels?", (_few(found), *_under(found)), tables=(rows,))


def _few(found: list[few_labels.Few]) -> str:
    few, most = (_range([getattr(of, name) for of in found]) for name in ("few", "most"))
    ways = {way: [each.saved.task for each in found if each.verdict == way] for way in _FEW}
    words = {"better": "better", "worse": "worse", "tie": "not to be told apart"}
    against = f"{most}, all there are, in what is best from scratch"
    told_ = numbers.by_verdict(words, ways)
    return f"{few} labels with pre-training, against {against}: {told_}."


def _under(found: list[few_labels.Few]) -> list[str]:
    """Where a baseline with all labels is not below what few labels give."""
    names = [f"{of.saved.task} ({numbers.name(of.baseline)})" for of in found if of.baseline]
    told_ = "A baseline that looks at no representation, with all labels, is not below the score"
    return [f"{told_} with few labels on {numbers.listing(names)}."] if names else []


def _range(values: list[int]) -> str:
    low, high = numbers.count(min(values)), numbers.count(max(values))
    return low if low == high else f"{low} to {high}"


def _needed(of: Needed | None) -> Cell:
    return Cell(labels_text(of.mean), of.mean.number) if of else Cell(numbers.MISSING)


_FEW = {"better": "few with", "worse": "all without", "tie": "tie"}
