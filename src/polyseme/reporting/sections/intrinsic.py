"""Intrinsic measures: what vectors know without training, with coverage and OOV policy."""

from __future__ import annotations

from polyseme.reporting import numbers
from polyseme.reporting.collect import Evidence
from polyseme.reporting.measurements import Measurements
from polyseme.reporting.page import Cell, Section, Table, table
from polyseme.reporting.sections.comparison import number, score

COVERAGE = "coverage"
NOTE = (
    "Policies for words out of vocabulary: skip leaves out every pair or question with such a "
    "word, zero counts it as similarity 0 or as answered wrongly. Compare systems of different "
    "coverage under zero."
)


def build(evidence: Evidence) -> Section | None:
    """The section; None where nothing was measured."""
    rows = evidence.rows.where(stage="intrinsic")
    if not rows:
        return None
    tables = [_scores(task, group) for task, group in rows.by("task").items()]
    return Section("Intrinsic measures", "intrinsic", tables=tuple(tables), notes=(NOTE,))


def _scores(task: str, rows: Measurements) -> Table:
    """One line a representation and layer; the policies stand side by side."""
    metrics = [m for m in rows.distinct("metric") if m != COVERAGE]
    policies = rows.distinct("strategy")
    pairs = [(metric, policy) for metric in metrics for policy in policies]
    lines: list[list[Cell | str]] = []
    for (system, layer), group in rows.by("system", "layer").items():
        line: list[Cell | str] = [system, layer or numbers.MISSING]
        line.append(score(COVERAGE, group.where(metric=COVERAGE)))
        for metric, policy in pairs:
            measured = group.where(metric=metric, strategy=policy)
            line += [score(metric, measured), number(measured.one("num_items"))]
        lines.append(line)
    columns = ["Representation", "Layer", "Coverage"]
    for metric, policy in pairs:
        columns += [f"{numbers.name(metric)} ({policy})", f"Items ({policy})"]
    return table(
        f"{task}: by layer, policy for words out of vocabulary side by side", columns, lines
    )
