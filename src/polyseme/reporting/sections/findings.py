"""Textbook findings: one line each, with what came out here."""

from __future__ import annotations

from polyseme.reporting.collect import Evidence
from polyseme.reporting.findings import NO, UNTOLD, YES, findings
from polyseme.reporting.page import Section, table

NOTE = (
    f"{YES}: over seeds, the two ranges lie apart; of what has no seeds, every representation or "
    f"task agrees. {NO}: the same the other way round. {UNTOLD}: the ranges overlap, "
    "representations or tasks disagree, there is one seed alone, or rows are missing. Selectivity "
    "is the mean over trained representations, tasks with a control task and layers, of the probe "
    "without a bound, else of the largest width; of layers the best is taken elsewhere."
)


def build(evidence: Evidence) -> Section | None:
    """The section; None where nothing was probed or measured that bears on one of them."""
    found = findings(evidence)
    if not any(each.was_measured for each in found):
        return None
    lines = [[each.expected.name, each.expected.text, each.here, each.verdict] for each in found]
    columns = ["Finding", "Expectation", "Here", "Verdict"]
    return Section(
        "Textbook findings",
        "findings",
        tables=(table("What is known, and what came out here", columns, lines),),
        notes=(NOTE,),
    )
