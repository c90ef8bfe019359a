"""Colours and shapes of interactive charts: CSS variables, so that light and dark are the page's.

A dozen colours keep a contrast of 3:1 on both papers; shapes say the same as colours do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from polyseme.reporting.figures import style

MORE = {
    "crimson": ("#b3123f", "#ff7b93"),
    "indigo": ("#4b3fb5", "#a9a2ff"),
    "brown": ("#8a4b1f", "#d69a6b"),
    "teal": ("#0b7a87", "#4fd0dd"),
    "pink": ("#c92a78", "#ff8fc4"),
    "lime": ("#4a7512", "#a6d656"),
}
"""Light and dark value of the colours that figures do without."""

STAR = "M0,-1.1L.3,-.4L1.1,-.4L.45,.1L.7,.9L0,.4L-.7,.9L-.45,.1L-1.1,-.4L-.3,-.4Z"
COLOURS = (*style.SERIES, *MORE)
SHAPES = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross", STAR)
HEIGHT = 320


def css(*, is_dark: bool) -> str:
    """Declarations of the CSS variables of one palette, those of figures among them."""
    more = " ".join(f"--{name}: {pair[int(is_dark)]};" for name, pair in MORE.items())
    return f"{style.css(is_dark=is_dark)} {more}"


def colours(names: Sequence[str]) -> list[str]:
    """One for each name, in their order."""
    return [f"var(--{COLOURS[n % len(COLOURS)]})" for n in range(len(names))]


def shapes(names: Sequence[str]) -> list[str]:
    """One for each name, in their order."""
    return [SHAPES[n % len(SHAPES)] for n in range(len(names))]


def config() -> dict[str, Any]:
    """How charts look, besides their marks."""
    ink, muted, grid = "var(--ink)", "var(--muted)", "var(--grid)"
    axis = {"labelColor": ink, "titleColor": ink, "tickColor": muted, "domainColor": muted}
    legend = {"labelColor": ink, "titleColor": ink, "orient": "bottom", "symbolSize": 90}
    legend |= {"symbolOpacity": 1, "symbolStrokeColor": ink}
    return {
        "background": "transparent",
        "font": "system-ui, -apple-system, Segoe UI, Roboto, DejaVu Sans, sans-serif",
        "axis": axis | {"gridColor": grid, "labelFontSize": 12, "titleFontSize": 12},
        "legend": legend | {"labelFontSize": 12, "titleFontSize": 12, "labelLimit": 180},
        "view": {"stroke": None},
    }
