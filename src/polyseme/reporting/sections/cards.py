"""Data cards of corpora and tasks, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from polyseme.reporting import numbers
from polyseme.reporting.collect import Evidence
from polyseme.reporting.page import Cell, Section, Table, table


def build(evidence: Evidence) -> Section | None:
    """The section; None where the experiment has neither corpus nor task."""
    tables = [_card(f"Corpus {name}", card) for name, card in evidence.corpora.items()]
    tables += [_card(f"Task {name}", card) for name, card in evidence.tasks.items()]
    return Section("Data", "data", tables=tuple(tables)) if tables else None


def _card(title: str, card: Mapping[str, Any]) -> Table:
    lines: list[list[Cell | str]] = [
        [numbers.name(key), _value(value)] for key, value in flatten(card)
    ]
    return table(title, ("Property", "Value"), lines)


def flatten(card: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf of a nested card, with the names on the way to it."""
    for key, value in card.items():
        name = f"{prefix}, {key}" if prefix else str(key)
        if isinstance(value, Mapping):
            yield from flatten(value, name)
        else:
            yield name, value


def _value(value: Any) -> Cell:
    if value is None:
        return Cell(numbers.MISSING)
    if isinstance(value, bool):
        return Cell("yes" if value else "no")
    if isinstance(value, int):
        return Cell(numbers.count(value))
    if isinstance(value, float):
        return Cell(f"{value:,.4g}")
    if isinstance(value, list | tuple):
        return Cell(", ".join(str(part) for part in value))
    return Cell(str(value))
