"""All representations in one table: what each costs, and what each is worth on every task."""

from __future__ import annotations

from polyseme.reporting import checks, numbers
from polyseme.reporting.collect import Evidence
from polyseme.reporting.costs import finetuning
from polyseme.reporting.made import NUM_BYTES, Made
from polyseme.reporting.measurements import FULL, SCRATCH
from polyseme.reporting.measures import Measure, Score, measures, title
from polyseme.reporting.page import Cell, Section, table
from polyseme.reporting.sections.comparison import number

TASKS = (
    "Scores of tasks are means over seeds on final data, with all labels; behind them stands the "
    "strategy that is best on validation data. Intrinsic measures are those of the way and the "
    "layer behind them, the best of all, which flatters representations with several; unknown "
    "words count as wrong. The best of a column is bold: whether it can be told apart from "
    "the next stands under Answer."
)
COSTS = (
    "Pre-training is paid once; the time of fine-tuning is that of one run, in the mean over tasks "
    "and seeds. Parameters, size and the time of one sentence are those of the representation "
    "without a head. From scratch: "
    "the same architecture with random weights, trained on the task alone. Baselines look at no "
    "representation."
)
LATENCY = (
    "One sentence, of {words} words in the mean: from words to vectors, alone, with {threads} "
    "thread(s), while other stages may run; the median over sentences, in brackets that of the "
    "quickest and of the slowest round. What lies within another's brackets is as quick."
)
ELSEWHERE = "What was trained elsewhere has a price that is not known here."


def build(evidence: Evidence) -> Section | None:
    """The section; None where there is no representation."""
    found, systems = measures(evidence), evidence.ordered()
    if not systems:
        return None
    named = [name for name in evidence.selection.strategies if name != SCRATCH]
    strategy = FULL if FULL in named else next(iter(named), SCRATCH)
    columns = ["Representation", "Checks", "Family", "Words seen", "Pre-training", "Parameters"]
    columns += ["Size", "One sentence", f"Fine-tuning ({strategy})", *map(title, found)]
    lines = [*_pretrained(evidence, systems, found, strategy)]
    lines += [*_scratch(evidence, systems, found), *_baselines(found)]
    notes = [TASKS, COSTS, *_latency(evidence)]
    if any(evidence.made[name].is_from_elsewhere for name in systems):
        notes.append(ELSEWHERE)
    caption = "Every representation: what it costs, and its score on every task"
    tables = (table(caption, columns, lines, fold=("Checks",)),)
    return Section(
        "All representations, with their cost", "overview", tables=tables, notes=tuple(notes)
    )


def _latency(evidence: Evidence) -> list[str]:
    """How latency was measured, where it was."""
    served = next((of.served for of in evidence.made.values() if of.latency is not None), None)
    if served is None:
        return []
    return [LATENCY.format(words=f"{served['words']:.0f}", threads=served["threads"])]


def _pretrained(
    evidence: Evidence, systems: list[str], found: list[Measure], strategy: str
) -> list[list[Cell | str]]:
    seconds = finetuning(evidence, strategy)
    lines: list[list[Cell | str]] = []
    for name in systems:
        of = evidence.made[name]
        time = Cell(numbers.duration(of.seconds), of.seconds)
        lines.append(
            [
                name,
                checks.verdict(evidence.rows, name),
                of.family,
                number(of.card["words_seen"]),
                Cell(numbers.ELSEWHERE) if of.is_from_elsewhere else time,
                *_size(of),
                _duration(seconds.get(name)),
                *(_score(measure, measure.pretrained.get(name)) for measure in found),
            ]
        )
    return lines


def _scratch(
    evidence: Evidence, systems: list[str], found: list[Measure]
) -> list[list[Cell | str]]:
    """Contextual architectures with random weights; static ones have none of their own."""
    seconds = finetuning(evidence, SCRATCH)
    lines: list[list[Cell | str]] = []
    for name in systems:
        of = evidence.made[name]
        if not of.is_static and any(name in measure.scratch for measure in found):
            scores = [_score(measure, measure.scratch.get(name)) for measure in found]
            costs = [number(0), Cell("none", 0.0), *_size(of), _duration(seconds.get(name))]
            told = checks.verdict(evidence.rows, name)
            lines.append([f"{name}, from scratch", told, of.family, *costs, *scores])
    return lines


def _baselines(found: list[Measure]) -> list[list[Cell | str]]:
    lines: list[list[Cell | str]] = []
    for name in dict.fromkeys(name for measure in found for name in measure.baselines):
        scores = [_score(measure, measure.baselines.get(name)) for measure in found]
        blanks = [Cell(numbers.MISSING)] * 8
        lines.append([f"{numbers.name(name)} (baseline)", *blanks, *scores])
    return lines


def _size(of: Made) -> list[Cell]:
    size = Cell(numbers.size(of.costs.get(NUM_BYTES)), of.costs.get(NUM_BYTES))
    text = numbers.latency(of.latency)
    if "least_ms" in of.served:
        text += f" ({of.served['least_ms']:.3g} to {of.served['most_ms']:.3g})"
    return [number(of.card["num_parameters"]), size, Cell(text, of.latency)]


def _duration(seconds: float | None) -> Cell:
    return Cell(numbers.duration(seconds), seconds)


def _score(measure: Measure, score: Score | None) -> Cell:
    if score is None:
        return Cell(numbers.MISSING)
    text = f"{numbers.value(measure.metric, score.value)} {score.mark}".rstrip()
    return Cell(text, score.value, strong=score.value == measure.best)
