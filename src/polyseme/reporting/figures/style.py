"""How all figures look: one palette with a light and a dark value for each colour.

A figure is drawn once, in the light palette. Since every colour in the SVG is one of the palette,
the dark file is the same file with its colours exchanged, and the copy inside the HTML page takes
them from CSS variables. Series colours keep a contrast of 3:1 on both papers and differ for
colour-blind readers; markers and dashes say the same as colours do. Text stays text, so that it
can be read aloud, found and copied.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from xml.sax.saxutils import escape

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

WIDTH_INCHES, WIDE_INCHES, COLUMNS = 4.8, 6.8, 2
MAX_LEGEND_COLUMNS, LEGEND_INCHES = 6, 0.19
HANDLE_INCHES, LETTER_INCHES = 0.5, 0.07
MAX_NAME, TAIL = 26, 9

PALETTE = {
    "paper": ("#ffffff", "#0d1117"),
    "ink": ("#1f2328", "#e6edf3"),
    "muted": ("#59636e", "#9198a1"),
    "grid": ("#dfe4e9", "#2b323b"),
    "blue": ("#0072b2", "#56b4e9"),
    "orange": ("#c4501b", "#ff8c52"),
    "green": ("#00805c", "#3fcf9f"),
    "purple": ("#9b3d8f", "#e58fd4"),
    "olive": ("#7d6500", "#e5c04b"),
    "slate": ("#4c566a", "#b4bdcc"),
}
SERIES = ("blue", "orange", "green", "purple", "olive", "slate")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

_SETTINGS: dict[str, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.5,
    "lines.markersize": 5.0,
}
_PLACES = re.compile(r'\s(?:d|x|y|points|transform|clip-path|style)="[^"]*"')
_DECIMALS = re.compile(r"(\.\d\d)\d+")
_FONTS = "'DejaVu Sans', Verdana, system-ui, sans-serif"
_COLOUR = re.compile(r"(?<=: )#[0-9a-f]{6}\b")  # as matplotlib writes it into a style


def light(name: str) -> str:
    """The light value of a palette colour."""
    return PALETTE[name][0]


def short(name: str, limit: int = MAX_NAME) -> str:
    """A name that fits beside an axis; matplotlib hides labels that start with an underscore."""
    if len(name) > limit:
        tail = min(TAIL, limit // 3)
        name = f"{name[: limit - tail - 1]}…{name[-tail:]}"
    return f"\u200b{name}" if name.startswith("_") else name


@contextmanager
def styled() -> Iterator[None]:
    """Draw inside this: settings of the figure, whatever the user's matplotlibrc says."""
    ink, muted = light("ink"), light("muted")
    colours = {
        "figure.facecolor": light("paper"),
        "axes.facecolor": light("paper"),
        "axes.edgecolor": muted,
        "axes.labelcolor": ink,
        "text.color": ink,
        "xtick.color": muted,
        "ytick.color": muted,
        "xtick.labelcolor": ink,
        "ytick.labelcolor": ink,
        "grid.color": light("grid"),
    }
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS | colours)
        yield


def canvas(
    heights: Sequence[float],
    *,
    columns: int = 1,
    labels: Sequence[str] = (),
    width: float = WIDTH_INCHES,
) -> tuple[Figure, list[list[Axes]]]:
    """A figure of stacked rows of axes.

    Args:
        heights: inches of each row, labels included.
        columns: axes in a row.
        labels: of the legend below, for which there is more room.
        width: inches of the whole figure.
    """
    legend = LEGEND_INCHES * math.ceil(len(labels) / _legend_columns(labels, width))
    figure = Figure(figsize=(width, sum(heights) + legend), layout="constrained")
    engine = figure.get_layout_engine()
    assert isinstance(engine, ConstrainedLayoutEngine)  # noqa: S101 - asked for above
    engine.set(h_pad=0.07)
    axes = figure.subplots(len(heights), columns, squeeze=False, height_ratios=list(heights))
    return figure, axes.tolist()


def wrapped(number: int, height: float, *, labels: Sequence[str] = ()) -> tuple[Figure, list[Axes]]:
    """A wide figure of equal panels, COLUMNS of them in a row.

    Args:
        height: inches of each panel, labels included.
        labels: as those of `canvas`.
    """
    columns, width = (COLUMNS, WIDE_INCHES) if number > 1 else (1, WIDTH_INCHES)
    heights = [height] * math.ceil(number / columns)
    figure, grid = canvas(heights, columns=columns, labels=labels, width=width)
    panels = [axes for row in grid for axes in row]
    for axes in panels[number:]:
        axes.set_axis_off()
    return figure, panels[:number]


def add_legend(figure: Figure, handles: Sequence[Artist]) -> None:
    """One legend for all axes, below them."""
    labels = [str(handle.get_label()) for handle in handles]
    columns = _legend_columns(labels, figure.get_figwidth())
    figure.legend(handles=handles, loc="outside lower left", ncols=columns)


def _legend_columns(labels: Sequence[str], inches: float) -> int:
    """As many as fit beside each other, by the length of the longest label."""
    longest = max((len(label) for label in labels), default=0)
    width = HANDLE_INCHES + LETTER_INCHES * min(longest, MAX_NAME)
    return max(1, min(MAX_LEGEND_COLUMNS, int(inches / width)))


def to_svg(figure: Figure, *, name: str, title: str, alt: str) -> str:
    """The figure as SVG in the light palette, with a title and a description inside."""
    buffer = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        FigureCanvasSVG(figure).print_svg(
            buffer, metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
        )
    text = buffer.getvalue().decode("utf-8")
    text = text[text.index("<svg") :]
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = text.replace("'DejaVu Sans'", _FONTS)
    text = _numbered(text)
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = text.replace("url(#", f"url(#{name}-").replace('href="#', f'href="#{name}-')
    labels = f"{name}-title {name}-desc"
    head = (
        f'<title id="{name}-title">{escape(title)}</title>\n'
        f'<desc id="{name}-desc">{escape(alt)}</desc>\n'
    )
    start = text.index(">") + 1
    opening = text[: start - 1] + f' role="img" aria-labelledby="{labels}">\n'
    return opening + head + text[start:].lstrip("\n")


def _numbered(svg: str) -> str:
    """Clip paths numbered in their order: Matplotlib hashes the last bits of a layout."""
    names = dict.fromkeys(re.findall(r'<clipPath id="(p[0-9a-f]+)"', svg))
    order = {name: f"clip{n}" for n, name in enumerate(sorted(names, key=svg.index))}
    return re.sub("|".join(map(re.escape, names)), lambda m: order[m[0]], svg) if names else svg


def dark(svg: str) -> str:
    """The same figure in the dark palette."""
    exchange = dict(PALETTE.values())
    return _COLOUR.sub(lambda match: exchange.get(match[0], match[0]), svg)


def inline(svg: str) -> str:
    """The same figure for an HTML page: colours from CSS variables, no size, no namespaces.

    Places have two decimals there: what cannot be seen is a seventh of the page.
    """
    names = {light: f"var(--{name})" for name, (light, _) in PALETTE.items()}
    svg = _COLOUR.sub(lambda match: names.get(match[0], match[0]), svg)
    svg = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", svg).replace("xlink:href=", "href=")
    svg = _PLACES.sub(lambda match: _DECIMALS.sub(r"\1", " " + " ".join(match[0].split())), svg)
    opening, rest = re.sub(r"\n\s*", "\n", svg).split(">", 1)
    return re.sub(r'\s(width|height)="[^"]*"', "", opening) + ">" + rest


def css(*, is_dark: bool) -> str:
    """Declarations of the CSS variables of one palette."""
    return " ".join(f"--{name}: {pair[int(is_dark)]};" for name, pair in PALETTE.items())
