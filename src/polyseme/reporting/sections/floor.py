"""Language models against the source of a controlled corpus: how far from what nobody can beat."""

from __future__ import annotations

from polyseme.reporting import numbers
from polyseme.reporting.collect import Evidence
from polyseme.reporting.measurements import Measurements
from polyseme.reporting.page import Cell, Section, Table, table
from polyseme.reporting.sections.comparison import number, score

MODEL, FLOOR = "bits_per_gap", "floor_bits_per_gap"
EXCESS, ERROR = "excess_bits_per_gap", "excess_error"
ONE_SIDED = ("bits_per_gap_from_the_left", "bits_per_gap_from_each_side")
ONE_SIDE = (
    "Models that read one side at a time do not see what the floor knows: theirs are the bits of "
    "the word given what stands before it, or the mean of that and of what stands behind it. They "
    "have no floor here, and compare with their own kind only."
)
NOTE = (
    "The floor of a gap is −log2 of the probability that the source itself gives to the word, "
    "knowing every other word of the text and summing over all trees and topics. The model is "
    "shown the same text. What it needs beyond the floor is its divergence from the source; no "
    "model can expect less than the floor, though on a finite sample it may be luckier."
)


def build(evidence: Evidence) -> Section | None:
    """The section; None where no language model was asked for hidden words."""
    rows = evidence.rows.where(stage="intrinsic", metric=(MODEL, FLOOR, EXCESS, ERROR))
    others = evidence.rows.where(stage="intrinsic", metric=ONE_SIDED)
    if not rows and not others:
        return None
    tables = [each for each in (_both_sides(rows), _one_side(others)) if each.rows]
    return Section(
        "Distance from the floor",
        "floor",
        paragraphs=(*_entropies(evidence), *_sentences(rows)),
        tables=tuple(tables),
        notes=((NOTE,) if rows else ()) + ((ONE_SIDE,) if others else ()),
    )


def _both_sides(rows: Measurements) -> Table:
    lines: list[list[Cell | str]] = []
    for (task, system), group in rows.by("task", "system").items():
        found = [score(name, group.where(metric=name)) for name in (MODEL, FLOOR, EXCESS, ERROR)]
        lines.append([task, system, *found, number(group.one("num_items"))])
    columns = ["Task", "Representation", "Bits a gap", "Floor", "Above the floor"]
    caption = "Words hidden one at a time: bits that a model needs, and bits that anyone needs"
    return table(caption, [*columns, "Standard error", "Gaps"], lines, fold=("Task", "Gaps"))


def _one_side(rows: Measurements) -> Table:
    lines: list[list[Cell | str]] = []
    for (task, system), group in rows.by("task", "system").items():
        found = [score(name, group.where(metric=name)) for name in ONE_SIDED]
        lines.append([task, system, *found, number(group.one("num_items"))])
    columns = ["Task", "Representation", *map(numbers.name, ONE_SIDED), "Gaps"]
    caption = "The same words, for models that read one side at a time"
    return table(caption, columns, lines, fold=("Task", "Gaps"))


def _entropies(evidence: Evidence) -> list[str]:
    """Entropy of the source, where a task's card has it."""
    found = []
    for name, card in evidence.tasks.items():
        if "entropy_bits_per_word" in card:
            rate, error = card["entropy_bits_per_word"], card["entropy_error"]
            found.append(
                f"The source has {numbers.value('bits', rate)} ± {numbers.value('bits', error)} "
                f"bits of entropy a word (estimate and standard error over "
                f"{numbers.count(card['entropy_documents'])} documents, task {name}): what a "
                "perfect model that reads from left to right would need."
            )
    return found


def _sentences(rows: Measurements) -> list[str]:
    """What each model needs, in one paragraph."""
    said = []
    for (_, system), group in rows.by("task", "system").items():
        names = (MODEL, FLOOR, EXCESS, ERROR)
        model, floor, excess, error = (group.where(metric=name).values()[0] for name in names)
        said.append(
            f"{system} needs {numbers.value(MODEL, model)} bits for a hidden word, "
            f"{numbers.value(EXCESS, excess)} ± {numbers.value(ERROR, error)} more than the floor "
            f"of {numbers.value(FLOOR, floor)}."
        )
    return [" ".join(said)] if said else []
