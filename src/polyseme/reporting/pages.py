"""The report as Markdown and as one HTML file that needs nothing else.

Templates escape every value: HTML by Jinja, Markdown by `markdown`, so that names from conf/ and
cards can neither break a table nor bring markup into the page.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from polyseme.reporting import explorer
from polyseme.reporting.cards import FOLDER, Card, safe
from polyseme.reporting.charts import CAPTIONS, Charts, bundle
from polyseme.reporting.charts import style as chart_style
from polyseme.reporting.figures import card as card_figure
from polyseme.reporting.figures import style
from polyseme.reporting.page import Cell, Report, Table

MOST_ROWS = 100
"""Longer tables are on the HTML page alone: Markdown viewers cut large files off."""

WINDOWED = {
    "most_rows": 500,
    "short_rows": 20,
    "most_items": 8,
    "long_text": 40,
    "open_tables": 2,
    "open_rows": 30,
    "open_parts": 3,
}
"""Of the page: rows of the largest table that stands there as such, those of a larger one without
script, letters of a cell that needs room, and how many items, tables, rows of a table and parts of
a section are open at first."""

NO_CHARTS = Charts({}, {})

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")


def readme(report: Report) -> str:
    """The report as GitHub-flavoured Markdown; figures are files under figures/."""
    environment = _environment(finalize=_markdown_output)
    # what stands inside a code block, a tag or a path is not Markdown
    environment.filters["code"] = lambda text: Markup(" ".join(text.split()))  # noqa: S704
    environment.filters["attribute"] = escape
    environment.filters["plain"] = Markup
    environment.globals["most_rows"] = MOST_ROWS
    return _tidy(environment.get_template("README.md.jinja").render(report=report))


def alone(report: Report) -> str:
    """A report that is one Markdown file, with all rows and without figures."""
    environment = _environment(finalize=_markdown_output)
    environment.filters["plain"] = Markup
    return _tidy(environment.get_template("alone.md.jinja").render(report=report))


def html(report: Report, charts: Charts = NO_CHARTS) -> str:
    """The report as one page with inline figures, styles, data and scripts."""
    environment = _environment()
    environment.filters["inline"] = lambda svg: Markup(style.inline(svg))  # noqa: S704
    environment.filters["script_json"] = lambda data: Markup(explorer.script_json(data))  # noqa: S704
    environment.filters["columns"] = columns
    environment.globals |= WINDOWED | {"charts": charts, "captions": CAPTIONS}
    if charts.specs:
        packed = {"packed": Markup(bundle.packed()), "licence": bundle.LICENCE}  # noqa: S704
        environment.globals |= packed | {"libraries": bundle.versions()}
    page = environment.get_template("index.html.jinja")
    light, dark = (Markup(chart_style.css(is_dark=flag)) for flag in (False, True))  # noqa: S704
    return page.render(report=report, light=light, dark=dark)


def cards(title: str, made: Sequence[Card]) -> str:
    """The page of all cards, which are files beside it."""
    environment = _environment()
    environment.filters |= {"safe_name": safe, "card_size": card_figure.size}
    light, dark = (Markup(style.css(is_dark=flag)) for flag in (False, True))  # noqa: S704
    systems: dict[str, dict[str, Card]] = {}
    for card in made:
        systems.setdefault(card.system, {})[card.task] = card
    tasks = list(dict.fromkeys(card.task for card in made))
    page = environment.get_template("cards.html.jinja")
    shown = {"title": title, "tasks": tasks, "systems": systems, "folder": FOLDER}
    return page.render(light=light, dark=dark, **shown)


def markdown(text: object) -> str:
    """Plain text that means itself in Markdown, on one line."""
    escaped = _SPECIAL.sub(r"\\\1", " ".join(str(text).split()))
    return escaped.replace("&", "&amp;")


def _markdown_output(value: Any) -> Any:
    return value if isinstance(value, Markup) else Markup(markdown(value))  # noqa: S704


def _environment(**options: Any) -> Environment:
    environment = Environment(
        loader=PackageLoader("polyseme.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **options,
    )
    environment.filters["sort_key"] = sort_key
    return environment


def sort_key(cell: Cell) -> str:
    """What the script of the page sorts by; blank for a missing number."""
    return "" if cell.sort is None else repr(float(cell.sort))


def columns(table: Table) -> dict[str, Any]:
    """A table column by column, each distinct cell once: what templates/tables.js reads."""
    values, codes = [], []
    for cells in zip(*table.rows, strict=True):
        distinct = {cell: n for n, cell in enumerate(dict.fromkeys(cells))}
        values.append([[cell.text, cell.sort, int(cell.strong)] for cell in distinct])
        codes.append([distinct[cell] for cell in cells])
    named = {"columns": table.columns, "numeric": table.numeric}
    return named | {"values": values, "codes": codes}


def _tidy(text: str) -> str:
    text = re.sub(r"[ \t]+\n", "\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
