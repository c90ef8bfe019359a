"""Published figures beside those of this run: gap, tolerance, and what cannot be tested here."""

from __future__ import annotations

from collections import Counter

from polyseme.reporting import numbers
from polyseme.reporting.anchored import Outcome, outcomes
from polyseme.reporting.anchors import AT_LEAST, AT_MOST, DIFFERENCE, ORDERING
from polyseme.reporting.collect import Evidence
from polyseme.reporting.page import Cell, Section, Table, table

YES, NO, OPEN = "yes", "no", "not judged"
BOUNDS = {AT_MOST: "at most ", AT_LEAST: "at least "}
NOTE = (
    "Gap: here less published. A figure is judged where this run measures it on the data on which "
    "it was published (or where it is claimed of any data); on other data the gap is shown and not "
    "judged. Of an ordering only the sign counts. Words are those of running text: there each "
    "counted once, here as seen in training. Of several representations, layers or tasks: their "
    "mean, or the best where that is said. Each figure is one file of conf/anchor."
)


def build(evidence: Evidence) -> Section | None:
    """The section; None where there are no anchors."""
    found = outcomes(evidence)
    if not found:
        return None
    measured = [each for each in found if each.observed is not None]
    rest = [each for each in found if each.observed is None]
    return Section(
        "Published figures",
        "anchors",
        paragraphs=(summary(found),),
        tables=tuple(t for t in (_measured(measured), _untestable(rest)) if t.rows),
        notes=(NOTE,) if measured else (),
    )


def verdict(outcome: Outcome) -> str:
    """Whether the gap is within tolerance, in one word or two."""
    return OPEN if outcome.is_within is None else YES if outcome.is_within else NO


def summary(found: list[Outcome]) -> str:
    """How many can be tested, and how they came out."""
    counts = Counter(verdict(each) for each in found if each.observed is not None)
    rest = sum(each.observed is None for each in found)
    judged = counts[YES] + counts[NO]
    text = f"Of {len(found)} published figures this run tests {judged}"
    text += f": {counts[YES]} within tolerance, {counts[NO]} not" if judged else ""
    text += f"; {counts[OPEN]} more it measures on other data" if counts[OPEN] else ""
    return f"{text}. {rest} it cannot test." if rest else f"{text}."


def _measured(found: list[Outcome]) -> Table:
    lines: list[list[Cell | str]] = []
    for each in found:
        lines.append(
            [
                each.name,
                f"{each.anchor.claim} ({each.anchor.source})",
                each.anchor.unit,
                _published(each),
                _number(each, each.observed),
                _number(each, each.gap, signed=True),
                _tolerance(each),
                Cell(verdict(each), strong=each.is_within is False),
                _budget(each),
                _why(each),
            ]
        )
    columns = ["Anchor", "What was published", "Unit", "Published", "Here", "Gap", "Tolerance"]
    columns += ["Within tolerance", "Words, there and here", "Why a gap is to be expected"]
    return table("Published figures, and what this run measures", columns, lines)


def _untestable(found: list[Outcome]) -> Table:
    lines: list[list[Cell | str]] = []
    for each in found:
        told = f"{each.anchor.claim} ({each.anchor.source})"
        lines.append([each.name, told, each.anchor.unit, _published(each), each.why])
    columns = ["Anchor", "What was published", "Unit", "Published", "Why not here"]
    caption = "Published figures that this run cannot test"
    return table(caption, columns, lines, is_folded=True)


def _published(outcome: Outcome) -> Cell:
    anchor = outcome.anchor
    signed = anchor.compare in (DIFFERENCE, ORDERING)
    text = numbers.value(str(anchor.rows["metric"]), anchor.value, signed=signed)
    return Cell(BOUNDS.get(anchor.compare, "") + text, anchor.value)


def _number(outcome: Outcome, value: float | None, *, signed: bool = False) -> Cell:
    anchor = outcome.anchor
    signed = signed or anchor.compare in (DIFFERENCE, ORDERING)
    return Cell(numbers.value(str(anchor.rows["metric"]), value, signed=signed), value)


def _tolerance(outcome: Outcome) -> Cell:
    anchor = outcome.anchor
    if anchor.compare == ORDERING:
        least = numbers.small(anchor.tolerance)
        return Cell("the sign" if not anchor.tolerance else f"the sign, by more than {least}")
    return Cell(numbers.small(anchor.tolerance))


def _budget(outcome: Outcome) -> str:
    """Words of running text, there and here."""
    seen = sorted(outcome.rows.distinct("words_seen"))
    here = " to ".join(numbers.count(n) for n in dict.fromkeys([*seen[:1], *seen[-1:]]))
    there = outcome.anchor.words
    if there is None and not here:
        return numbers.MISSING
    return f"{numbers.count(there)}; {here or numbers.MISSING}"


def _why(outcome: Outcome) -> str:
    reasons = [*([outcome.why] if outcome.why else []), *outcome.anchor.gap]
    return "; ".join(reasons) or numbers.MISSING
