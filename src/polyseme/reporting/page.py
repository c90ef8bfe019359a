"""A report as plain parts, of which the Markdown and the HTML page are both made.

All text here is plain: escaping is the business of the templates alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from polyseme.reporting.numbers import ELSEWHERE, MISSING


@dataclass(frozen=True)
class Cell:
    """One cell; `sort` is the value that the column is sorted by, the text where None."""

    text: str
    sort: float | None = None
    strong: bool = False


@dataclass(frozen=True)
class Table:
    """A captioned table; the first column names the row. One that is folded opens on demand."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    is_folded: bool = False

    @cached_property
    def numeric(self) -> tuple[bool, ...]:
        """For each column, whether its cells are numbers, or say why there is none."""
        columns = zip(*self.rows, strict=True) if self.rows else [()] * len(self.columns)
        return tuple(
            any(cell.sort is not None for cell in cells)
            and all(cell.sort is not None or cell.text in (MISSING, ELSEWHERE) for cell in cells)
            for cells in columns
        )


@dataclass(frozen=True)
class Item:
    """An entry of a list: what it is about, then what is said."""

    about: str
    text: str


@dataclass(frozen=True)
class Figure:
    """An SVG in the light palette, with what it shows in words."""

    name: str
    caption: str
    alt: str
    svg: str


@dataclass(frozen=True)
class Explorer:
    """A part of the HTML page that a script draws from data; Markdown does without it.

    Attributes:
        words: what the reader may choose from.
        panes: title -> systems drawn there, one at a time.
        data: what templates/polysemy.js reads, as JSON.
    """

    words: tuple[str, ...]
    panes: dict[str, tuple[str, ...]]
    data: dict[str, Any]


@dataclass(frozen=True)
class Part:
    """A titled part of a section."""

    title: str
    paragraphs: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True)
class Link:
    """To another file of the report."""

    text: str
    href: str


@dataclass(frozen=True)
class Section:
    """A titled part of the report.

    `widgets` are templates of the HTML page, filled by scripts; Markdown does without.
    """

    title: str
    anchor: str
    paragraphs: tuple[str, ...] = ()
    items: tuple[Item, ...] = ()
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()
    code: str = ""
    explorer: Explorer | None = None
    parts: tuple[Part, ...] = ()
    link: Link | None = None
    widgets: tuple[str, ...] = ()

    @property
    def all_figures(self) -> tuple[Figure, ...]:
        """Its own and those of its parts."""
        return (*self.figures, *(figure for part in self.parts for figure in part.figures))


@dataclass(frozen=True)
class Report:
    """The whole page."""

    title: str
    lead: str
    sections: tuple[Section, ...] = field(default_factory=tuple)


def table(
    caption: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Cell | str]],
    *,
    fold: Sequence[str] = (),
    is_folded: bool = False,
) -> Table:
    """A table of cells, where plain text stands for a cell that sorts by its text.

    Args:
        fold: columns that move into the caption when they hold one value only.
        is_folded: whether the reader has to open it.

    Columns without any content are left out.
    """
    cells = [[Cell(part) if isinstance(part, str) else part for part in row] for row in rows]
    used, folded = [], []
    for n, column in enumerate(columns):
        texts = {row[n].text for row in cells} - {"", MISSING}
        if column in fold and len(texts) == 1:
            folded.append(f"{column.lower()}: {texts.pop()}")
        elif texts:
            used.append(n)
    return Table(
        "; ".join([caption, *folded]),
        tuple(columns[n] for n in used),
        tuple(tuple(row[n] for n in used) for row in cells),
        is_folded,
    )
