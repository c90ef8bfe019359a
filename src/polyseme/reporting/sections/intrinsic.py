"""Intrinsic measures: what vectors know without training, with coverage and OOV policy."""

from __future__ import annotations

from polyseme.reporting import numbers
from polyseme.reporting.collect import Evidence
from polyseme.reporting.measurements import Measurements
from polyseme.reporting.measures import COVERAGE
from polyseme.reporting.page import Cell, Section, Table, table
from polyseme.reporting.sections.comparison import number, score
from polyseme.reporting.sections.floor import MODEL as BITS
from polyseme.reporting.sections.floor import ONE_SIDED

PAIRS = (
    "Minimal pairs: the share in which the grammatical sentence scores higher; chance is 0.5. A "
    "language model that sees both sides scores a sentence by its pseudo-log-likelihood, one that "
    "reads one side at a time by its log-likelihood, one that tells real tokens from replaced ones "
    "by the probability that all are real, another representation by how well its vectors agree."
)
NOTE = (
    "Policies for words out of vocabulary: skip leaves out every pair or question with such a "
    "word, zero counts it as similarity 0 or as answered wrongly. Compare systems of different "
    "coverage under zero."
)


def build(evidence: Evidence) -> Section | None:
    """The section; None where nothing was measured."""
    rows = evidence.rows.where(stage="intrinsic")
    groups = rows.by("task")
    gaps = (BITS, *ONE_SIDED)
    shown = {task: group for task, group in groups.items() if not group.where(metric=gaps)}
    if not shown:
        return None
    tables = [_scores(task, group) for task, group in shown.items()]
    notes = [NOTE] if rows.distinct("strategy") else []
    if any(evidence.tasks.get(task, {}).get("family") == "minimal_pairs" for task in shown):
        notes.append(PAIRS)
    return Section("Intrinsic measures", "intrinsic", tables=tuple(tables), notes=tuple(notes))


def _scores(task: str, rows: Measurements) -> Table:
    """One line a representation and layer; the policies stand side by side."""
    metrics = [m for m in rows.distinct("metric") if m != COVERAGE]
    policies = rows.distinct("strategy") or [None]
    pairs = [(metric, policy) for metric in metrics for policy in policies]
    lines: list[list[Cell | str]] = []
    for (system, layer), group in rows.by("system", "layer").items():
        line: list[Cell | str] = [system, layer or numbers.MISSING]
        coverage = group.where(metric=COVERAGE)
        line.append(score(COVERAGE, coverage) if coverage else numbers.MISSING)
        for metric, policy in pairs:
            measured = group.where(metric=metric, strategy=policy)
            line += [score(metric, measured), number(measured.one("num_items"))]
        lines.append(line)
    columns = ["Representation", "Layer", "Coverage"]
    for metric, policy in pairs:
        about = f" ({policy})" if policy else ""
        columns += [f"{numbers.name(metric)}{about}", f"Items{about}"]
    caption = f"{task}: by layer"
    if policies != [None]:
        caption += ", policy for words out of vocabulary side by side"
    return table(caption, columns, lines)
