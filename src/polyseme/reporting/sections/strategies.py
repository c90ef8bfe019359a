"""Transfer strategies: with what they were run, where they make no sense, what they forget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from polyseme.reporting import numbers
from polyseme.reporting.collect import Evidence
from polyseme.reporting.figures import forgetting as figure
from polyseme.reporting.forgetting import curves
from polyseme.reporting.page import Cell, Section, Table, table

FAIR = (
    "Fair budgets: each strategy has one set of values in conf/, the same for every "
    "representation, task, label budget and seed: one trial each, no search. The state that is "
    "best on the validation split is kept; the test split is read once."
)
STAGES, BITS = ("finetune", "stack"), "bits_per_byte"


def build(evidence: Evidence) -> Section | None:
    """The section; None where nothing was fine-tuned."""
    options = {
        name: evidence.params.get("strategy", {}).get(name, {})
        for name in evidence.selection.strategies
    }
    if not any(options.values()):
        return None
    drawn = figure.draw(evidence)
    tables = [_values(options), _refused(evidence), _forgetting(evidence)]
    return Section(
        "Strategies",
        "strategies",
        paragraphs=(FAIR,),
        figures=(drawn,) if drawn else (),
        tables=tuple(found for found in tables if found.rows),
    )


def _values(options: Mapping[str, Mapping[str, Any]]) -> Table:
    """A row a value, a column a strategy."""
    keys = list(dict.fromkeys(key for values in options.values() for key in values))
    lines = [
        [key, *(_shown(values[key]) if key in values else "" for values in options.values())]
        for key in keys
    ]
    return table("Values of each strategy", ["Value", *options], lines)


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _refused(evidence: Evidence) -> Table:
    """Strategies that a representation was not measured with, and why."""
    lines = []
    for stage, record in evidence.records.items():
        name, _, item = stage.partition("@")
        for strategy, reason in record.get("refused", {}).items() if name in STAGES else ():
            corpus, _, representation = item.partition("-")
            lines.append([evidence.system(corpus, representation), strategy, reason])
    return table("Not measured", ["Representation", "Strategy", "Reason"], lines)


def _forgetting(evidence: Evidence) -> Table:
    """Loss on text of the pre-training corpus, before and after."""
    lines: list[list[Cell | str]] = []
    for curve in curves(evidence.forgetting):
        rise, worst = (
            Cell(numbers.value(BITS, value, signed=True), value)
            for value in (curve.rise[-1], curve.worst_rise)
        )
        start = Cell(numbers.value(BITS, curve.start), curve.start)
        lines.append([curve.system, curve.strategy, start, rise, curve.worst, worst])
    columns = ["Representation", "Strategy", "Bits per byte before", "Rise", "Most on", "There"]
    return table("What the language models forget, mean over tasks", columns, lines)
