"""A report as plain text for the terminal: short, or whole."""

from __future__ import annotations

import re

from polyseme.reporting.page import Report, Table

FIRST_ROWS = 10
WIDEST = 60
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def text(report: Report, *, is_whole: bool = False) -> str:
    """All sections; of each table the first rows, or all.

    Args:
        is_whole: whether tables are shown with all rows, and cells with all characters.
    """
    lines = [_plain(report.title)]
    for section in report.sections:
        lines += ["", f"{section.title}: {_plain(' '.join(section.paragraphs))}"]
        for table in section.tables:
            lines += ["", f"  {table.caption}:", *_rows(table, is_whole=is_whole)]
        lines += [f"  {_plain(note)}" for note in section.notes if is_whole]
    return "\n".join(lines)


def _rows(table: Table, *, is_whole: bool) -> list[str]:
    shown = table.rows if is_whole else table.rows[:FIRST_ROWS]
    cells = [list(table.columns), *([_plain(cell.text) for cell in row] for row in shown)]
    if not is_whole:
        cells = [
            [part if len(part) <= WIDEST else f"{part[: WIDEST - 1]}…" for part in row]
            for row in cells
        ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    numeric = table.numeric
    lines = []
    for row in cells:
        parts = [
            part.rjust(width) if is_number else part.ljust(width)
            for part, width, is_number in zip(row, widths, numeric, strict=True)
        ]
        lines.append("  " + "  ".join(parts).rstrip())
    if hidden := len(table.rows) - len(shown):
        lines.append(f"  ... and {hidden} more: --all, or --out FILE")
    return lines


def _plain(text: str) -> str:
    """On one line, without what a terminal would obey."""
    return _CONTROL.sub(" ", text)
