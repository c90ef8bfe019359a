"""Language models against the source of a controlled corpus: how far from what nobody can beat."""

from __future__ import annotations

from polyseme.reporting import numbers
from polyseme.reporting.collect import Evidence
from polyseme.reporting.measurements import Measurements
from polyseme.reporting.page import Cell, Section, table
from polyseme.reporting.sections.comparison import number, score

MODEL, FLOOR = "bits_per_gap", "floor_bits_per_gap"
EXCESS, ERROR = "excess_bits_per_gap", "excess_error"
NOTE = (
    "The floor of a gap is −log2 of the probability that the source itself gives to the word, "
    "knowing every other word of the text and summing over all trees and topics. The model is "
    "shown the same text. What it needs beyond the floor is its divergence from the source; no "
    "model can expect less than the floor, though on a finite sample it may be luckier."
)


def build(evidence: Evidence) -> Section | None:
    """The section; None where no language model was measured against a floor."""
    rows = evidence.rows.where(stage="intrinsic", metric=(MODEL, FLOOR, EXCESS, ERROR))
    if not rows:
        return None
    lines: list[list[Cell | str]] = []
    sentences = []
    for (task, system), group in rows.by("task", "system").items():
        found = {name: group.where(metric=name) for name in (MODEL, FLOOR, EXCESS, ERROR)}
        lines.append(
            [
                task,
                system,
                *(score(name, found[name]) for name in (MODEL, FLOOR, EXCESS, ERROR)),
                number(group.one("num_items")),
            ]
        )
        sentences.append(_sentence(system, found))
    columns = ["Task", "Representation", "Bits a gap", "Floor", "Above the floor"]
    return Section(
        "Distance from the floor",
        "floor",
        paragraphs=(*_entropies(evidence), " ".join(sentences)),
        tables=(
            table(
                "Words hidden one at a time: bits that a model needs, and bits that anyone needs",
                [*columns, "Standard error", "Gaps"],
                lines,
                fold=("Task", "Gaps"),
            ),
        ),
        notes=(NOTE,),
    )


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


def _sentence(system: str, found: dict[str, Measurements]) -> str:
    model, floor, excess, error = (
        found[name].values()[0] for name in (MODEL, FLOOR, EXCESS, ERROR)
    )
    return (
        f"{system} needs {numbers.value(MODEL, model)} bits for a hidden word, "
        f"{numbers.value(EXCESS, excess)} ± {numbers.value(ERROR, error)} more than the floor of "
        f"{numbers.value(FLOOR, floor)}."
    )
