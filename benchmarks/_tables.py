"""Rows as a table in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def markdown(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lines of the table; columns are those of the first row, underscores are spaces."""
    columns = list(rows[0])
    lines = ["| " + " | ".join(c.replace("_", " ").strip() for c in columns) + " |"]
    lines.append("|---" * len(columns) + "|")
    return lines + ["| " + " | ".join(_cell(row[c]) for c in columns) + " |" for row in rows]


def _cell(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)
