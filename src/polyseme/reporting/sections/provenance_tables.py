"""Tables of provenance: the command behind each table, what is missing and why, licences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from polyseme.reporting import checks, numbers
from polyseme.reporting.anchored import outcomes
from polyseme.reporting.collect import Evidence
from polyseme.reporting.page import Cell, Table, table

TABLES = {
    "corpus": "cards of corpora",
    "task": "cards of tasks",
    "static": "price of static representations",
    "pretrain": "losses and price of language models",
    "external": "representations from elsewhere",
    "invariance": "the invariance battery",
    "finetune": "scores after transfer: answer, comparison, curves over labels, cost",
    "stack": "scores of two representations side by side",
    "probe": "what probes read, and the findings and cards made of it",
    "intrinsic": "measures without training: similarity, senses, gaps, contextuality",
    "baseline": "baselines in every table",
}
"""Stage -> numbers that it measures."""
CUTS = ("at_most", "per_paradigm", "max_sentences", "max_words")
"""Options of tasks that take a part of the data."""


def commands(evidence: Evidence) -> Table:
    """For each kind of stage, the command that makes one number of its tables again."""
    lines: list[list[Cell | str]] = []
    for kind, measured in TABLES.items():
        names = [name for name in evidence.records if name.partition("@")[0] == kind]
        if names:
            again = f"dvc repro --force --single-item {names[-1]}"
            lines.append([measured, kind, Cell(f"{len(names)}"), again])
    if lines:
        again = "dvc repro --force --single-item report"
        lines.append(["all tables and figures, from those", "report", "1", again])
    return table(
        "The command behind a number: the stage that measures it, of one representation or task",
        ("Numbers", "Stage", "Stages of the kind", "One of them again"),
        lines,
    )


def limits(evidence: Evidence) -> Table:
    """What failed, was refused, was cut or cannot be tested."""
    lines: list[list[Cell | str]] = [list(each) for each in _limits(evidence)]
    caption = "What failed, was refused, was cut, or cannot be tested"
    return table(caption, ("What", "Which", "Why"), lines)


def _limits(evidence: Evidence) -> Iterator[tuple[str, str, str]]:
    for system in checks.failures(evidence.rows):
        yield "failed a check", system, checks.verdict(evidence.rows, system)
    yield from _refused(evidence)
    for task, options in evidence.params.get("task", {}).items():
        if task in evidence.selection.tasks and (cut := _cut(options)):
            yield "part of the data", task, f"{cut}{_drawn(evidence.tasks.get(task, {}))}"
    for name, options in evidence.params.get("strategy", {}).items():
        if most := options.get("most_items"):
            why = f"most_items = {numbers.count(most)}: no run with more labels"
            yield "fewer labels", f"strategy {name}", why
    undefined = [row for row in evidence.rows if row["stage"] != checks.STAGE]
    known = {id(row) for row in evidence.rows.known()}
    if number := sum(id(row) not in known for row in undefined):
        yield "rows without a value", numbers.count(number), "undefined or not finite"
    rest = [each.name for each in outcomes(evidence) if each.observed is None]
    if rest:
        yield "published figures not tested", str(len(rest)), "see Published figures"


def _refused(evidence: Evidence) -> Iterator[tuple[str, str, str]]:
    """Strategies that make no sense for a representation, by strategy and reason."""
    found: dict[tuple[str, str], list[str]] = {}
    for stage, record in evidence.records.items():
        for strategy, reason in (record.get("refused") or {}).items():
            found.setdefault((strategy, str(reason)), []).append(stage.partition("@")[2])
    for (strategy, reason), names in found.items():
        yield "refused", f"strategy {strategy}, of {numbers.listing(names)}", reason


def _cut(options: Mapping[str, Any]) -> str:
    """Options that take a part of the data, as they stand in conf."""
    found = []
    for key in CUTS:
        value = options.get(key)
        if isinstance(value, Mapping):
            found += [f"{key}.{split} = {numbers.count(n)}" for split, n in sorted(value.items())]
        elif value is not None:
            found.append(f"{key} = {numbers.count(value)}")
    return ", ".join(found)


def _drawn(card: Mapping[str, Any]) -> str:
    """From how many items they were drawn."""
    drawn = card.get("drawn_from") or {}
    told = ", ".join(f"{numbers.count(n)} {split}" for split, n in sorted(drawn.items()))
    return f"; drawn from {told} items" if told else ""


def licences(evidence: Evidence) -> Table:
    """Of the data sets and corpora that the run has read."""
    lines: list[list[Cell | str]] = []
    for name, of in evidence.params.get("dataset", {}).items():
        cells = (of.get(key) for key in ("title", "licence", "redistributable", "citation"))
        shown = [numbers.MISSING if cell is None else str(cell) for cell in cells]
        lines.append([f"data set {name}", *shown])
    for name, card in evidence.corpora.items():
        blank = [numbers.MISSING] * 2
        licence = str(card.get("licence") or numbers.MISSING)
        lines.append([f"corpus {name}", numbers.MISSING, licence, *blank])
    columns = ("Data", "Title", "Licence", "Redistributable", "Citation")
    return table("Licences of the data", columns, lines)
