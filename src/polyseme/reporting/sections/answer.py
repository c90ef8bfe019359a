"""The answer, first: one sentence and one table for each question, each claim with its test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from polyseme.reporting import numbers, questions
from polyseme.reporting.checks import counted, failures, label
from polyseme.reporting.collect import Evidence
from polyseme.reporting.measurements import lower_is_better
from polyseme.reporting.page import Cell, Part, Section, table
from polyseme.reporting.rankings import Gain, baselines, finals, gains, outcomes
from polyseme.reporting.sections.answer_costs import (
    price,
    scored,
    small,
    strategies,
    tasks,
    told,
)
from polyseme.reporting.sections.answer_where import labels, layers
from polyseme.reporting.sections.comparison import number
from polyseme.stats.differences import Difference
from polyseme.stats.seeds import LEVEL

RULES = (
    "Who stands for a family is chosen on validation data and compared on final data, with the "
    "most labels. A difference counts where it is beyond what other seeds and other items would do "
    f"to it: its {LEVEL:.0%} interval adds the variance over seeds to that over resampled items, "
    "and p is corrected for all comparisons of its table, gains for those of a task and number of "
    f"labels (Holm); above {1 - LEVEL:.2f} it is called a tie. Intervals are those of single "
    f"differences: {numbers.ALONE} marks one that leaves 0 out where corrected p says nothing. "
    "Where predictions were not kept, seeds decide.",
    "The best layer is chosen on the data on which it is shown: its gain over layer 0 cannot be "
    "negative, and errs upwards. Few labels with pre-training stand against what is best on "
    "validation data of all that was trained from scratch, with all labels.",
    "These models: p of the same difference when the items alone are exchanged between the two, "
    "as if nobody would ever train them again; McNemar: the smallest and the largest p over seeds, "
    "where each item is right or wrong as a whole. Neither is corrected. Could be seen: the "
    "difference that four of five such experiments would find.",
)
MOST = "most"
Line = list[Cell | str]


def build(evidence: Evidence) -> Section | None:
    """The section; None where nothing was fine-tuned."""
    failed = _failed(evidence)
    left_out = set(failures(evidence.rows))
    gained = [gain for gain in gains(evidence) if gain.system not in left_out]
    evidence = replace(evidence, rows=counted(evidence.rows))
    makers = (_families, strategies, layers, labels, price)
    parts = (_pretraining(gained), *(make(evidence) for make in makers))
    if not evidence.rows.where(stage="finetune"):
        return None
    return Section(
        "Answer",
        "answer",
        paragraphs=(*failed, headline(evidence, gained), *_baselines(evidence)),
        parts=tuple(part for part in parts if part),
        notes=RULES,
    )


def _failed(evidence: Evidence) -> list[str]:
    """Who is left out of all that follows."""
    found = [label(evidence.rows, system) for system in failures(evidence.rows)]
    told = f"Left out of this answer, for a check that failed: {numbers.listing(found)}."
    return [told] if found else []


def headline(evidence: Evidence, gained: Sequence[Gain]) -> str:
    """In one sentence: what pre-training buys, and which family is better."""
    gained = _largest(gained)
    worth = Counter(gain.verdict for gain in gained)
    duels = Counter(d.verdict for d in questions.families(evidence))
    parts = []
    if gained:
        parts.append(
            f"Pre-training is better than the same architecture from scratch in {worth['better']} "
            f"of {len(gained)} comparisons and worse in {worth['worse']}"
        )
    if total := duels.total():
        parts.append(
            f"the best contextual representation beats the best static one on {duels['better']} of "
            f"{total} {tasks(total)}, loses on {duels['worse']}, and cannot be told apart on "
            f"{duels['tie']}"
        )
    if not parts:
        return "There is no pre-trained representation of another family to compare with."
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _baselines(evidence: Evidence) -> list[str]:
    """Where what looks at no representation is within the interval of what validation chooses."""
    found, names = questions.fields(evidence), []
    for of in found:
        sign = -1.0 if lower_is_better(of.metric) else 1.0
        stands = {name: sign * each.mean for name, each in baselines(evidence, of.task).items()}
        name = max(stands, key=lambda each: stands[each], default="")
        key = of.key(of.order[0])
        kept = outcomes(evidence, of.task, finals(evidence, of.task))
        shown = kept.interval(key) if kept else None
        ends = [end for end in (shown.low, shown.high) if end is not None] if shown else []
        if name and stands[name] >= min([sign * end for end in ends] or [sign * of.mean(key)]):
            names.append(f"{of.task} ({numbers.name(name)})")
    if not names:
        return []
    told = "A baseline that looks at no representation is not below the interval of the one that "
    told += f"validation chooses on {len(names)}"
    return [f"{told} of {len(found)} {tasks(len(found))}: {numbers.listing(names)}."]


def _largest(found: Sequence[Gain]) -> list[Gain]:
    """Those with the most labels of each task and strategy."""
    most: dict[tuple[str, str], int] = {}
    for gain in found:
        key = gain.task, gain.strategy
        most[key] = max(most.get(key, 0), gain.train_size or 0)
    return [g for g in found if (g.train_size or 0) == most[g.task, g.strategy]]


def _pretraining(found: Sequence[Gain]) -> Part | None:
    if not found:
        return None
    most = _largest(found)
    few = min(gain.train_size or 0 for gain in found)
    fewest = [gain for gain in found if gain.train_size == few]
    lines: list[Line] = []
    for name in dict.fromkeys(gain.system for gain in found):
        for size, group in ((MOST, most), (numbers.count(few), fewest)):
            own = [gain for gain in group if gain.system == name]
            means = [gain.difference.mean for gain in own if gain.difference]
            verdicts = Counter(gain.verdict for gain in own)
            if means and not (size != MOST and fewest == most):
                mean = sum(means) / len(means)
                line: Line = [name, size, Cell(numbers.value("", mean, signed=True), mean)]
                line += [number(verdicts[v]) for v in ("better", "tie", "worse")]
                lines.append([*line, number(len(means))])
    columns = ["Representation", "Labels", "Mean gain over scratch", "Better", "Tie", "Worse"]
    caption = "Main metric with pre-training minus that of the same architecture from scratch"
    sentence = _counts(most, "the most labels of each task and strategy")
    if fewest != most:
        sentence += f" {_counts(fewest, f'{numbers.count(few)} labels')}"
    rows = table(caption, [*columns, "Comparisons"], lines, fold=("Labels",))
    return Part("What does pre-training buy?", (sentence,), tables=(rows,))


def _counts(found: Sequence[Gain], labels: str) -> str:
    verdicts = Counter(gain.verdict for gain in found)
    means = [gain.difference.mean for gain in found if gain.difference]
    mean = numbers.value("", sum(means) / len(means), signed=True) if means else numbers.MISSING
    return (
        f"With {labels}, it gains {mean} in the mean and is better in {verdicts['better']}, tied "
        f"in {verdicts['tie']} and worse in {verdicts['worse']} of {len(found)} comparisons of "
        "task, strategy and representation."
    )


def _families(evidence: Evidence) -> Part | None:
    found = questions.families(evidence)
    if not found:
        return None
    lines: list[Line] = []
    for each in found:
        of, shown = each.field, each.difference
        line: Line = [of.task, scored(of, each.first), scored(of, each.second)]
        line += told(of.metric, shown, each.p)
        line += [small(shown.p_items if shown else None), _mcnemar(shown)]
        size = shown.smallest_seen if shown else None
        lines.append([*line, Cell(numbers.value(of.metric, size), size), _WINNER[each.verdict]])
    columns = ["Task", "Best contextual", "Best static", "Difference", "Interval", "p"]
    columns += ["p, these models", "McNemar", "Could be seen", "Better"]
    names = {way: [d.field.task for d in found if d.verdict == way] for way in _WINNER}
    sentence = numbers.by_verdict(
        {
            "better": "contextual is better",
            "worse": "static is better",
            "tie": "they cannot be told apart",
        },
        names,
    )
    rows = table("The best of both families, task by task", columns, lines)
    return Part("Static or contextual?", (f"{sentence[0].upper()}{sentence[1:]}.",), tables=(rows,))


_WINNER = {"better": "contextual", "worse": "static", "tie": "tie"}


def _mcnemar(shown: Difference | None) -> str:
    if shown is None or shown.p_mcnemar is None:
        return numbers.MISSING
    low, high = shown.p_mcnemar
    return f"{numbers.p_value(low)} to {numbers.p_value(high)}"
