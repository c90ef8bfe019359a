"""Cards as SVG, written directly: there are more than a hundred of them in a report.

Colours are CSS variables with the palette of all figures, light or dark as the reader prefers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from xml.sax.saxutils import escape

from polyseme.reporting.cards import Card, Level, Line, Panel
from polyseme.reporting.figures import style

COLUMNS, WIDTH, PLOT_HEIGHT = 2, 340.0, 140.0
LEFT, RIGHT, TOP, AXIS, ROW = 44.0, 12.0, 26.0, 32.0, 15.0
LETTER, SAMPLE, GAP = 5.8, 22.0, 10.0
NUM_TICKS, MAX_LAYERS = 6, 8
MARGIN = 0.06
NARROW = 1e-9


def size(card: Card) -> tuple[int, int]:
    """Width and height in pixels."""
    return _width(card), round(sum(_heights(card)))


def draw(card: Card) -> str:
    """The card as an SVG file."""
    width, height = size(card)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" aria-labelledby="t d">',
        f'<title id="t">{escape(card.system)} on {escape(card.task)}</title>',
        f'<desc id="d">{escape(card.alt)}</desc>',
        f"<style>{_css()}</style>",
        f'<rect class="paper" width="{width}" height="{height}"/>',
    ]
    top = 0.0
    for number, row in enumerate(_rows(card)):
        for column, panel in enumerate(row):
            parts.append(f'<g transform="translate({_n(column * WIDTH)} {_n(top)})">')
            parts += _panel(panel)
            parts.append("</g>")
        top += _heights(card)[number]
    return "\n".join([*parts, "</svg>", ""])


def _css() -> str:
    light, dark = (style.css(is_dark=flag) for flag in (False, True))
    colours = "".join(
        f".{name}{{stroke:var(--{name});fill:var(--{name})}}" for name in (*style.SERIES, "muted")
    )
    return (
        f":root{{{light}}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}"
        "text{font:10px 'DejaVu Sans',Verdana,system-ui,sans-serif;fill:var(--ink)}"
        ".h{font-weight:700;font-size:11px}.m{text-anchor:middle}.e{text-anchor:end}"
        ".paper{fill:var(--paper)}.grid{stroke:var(--grid);stroke-width:.7}"
        f"{colours}.l{{fill:none}}.b{{stroke:none;fill-opacity:.16}}.o{{fill:var(--paper)}}"
    )


def _rows(card: Card) -> list[tuple[Panel, ...]]:
    return [card.panels[n : n + COLUMNS] for n in range(0, len(card.panels), COLUMNS)]


def _width(card: Card) -> int:
    return round(WIDTH * min(COLUMNS, len(card.panels)))


def _heights(card: Card) -> list[float]:
    legends = [max(len(_legend(panel)) for panel in row) for row in _rows(card)]
    return [TOP + PLOT_HEIGHT + AXIS + ROW * rows for rows in legends]


@dataclass(frozen=True)
class Scale:
    """From layers and values to pixels of a panel."""

    first: float
    last: float
    low: float
    high: float

    def x(self, layer: float) -> float:
        """Pixels from the left."""
        share = (layer - self.first) / (self.last - self.first)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Pixels from the top."""
        return TOP + (self.high - value) / (self.high - self.low) * PLOT_HEIGHT


def _scale(panel: Panel) -> Scale:
    points = [point for line in panel.lines for point in line.points]
    layers = [point[0] for point in points]
    values = [value for point in points for value in point[1:]]
    values += [level.value for level in panel.levels if not level.upright]
    low, high = min(values), max(values)
    space = MARGIN * (high - low) if high - low > NARROW else 0.05
    return Scale(min(layers) - 0.4, max(layers) + 0.4, low - space, high + space)


def _panel(panel: Panel) -> Iterator[str]:
    scale = _scale(panel)
    yield f'<text class="h" x="{_n(LEFT)}" y="15">{escape(style.short(panel.title, 44))}</text>'
    yield from _axes(panel, scale)
    for level in panel.levels:
        yield _level(level, scale)
    for line in panel.lines:
        yield from _line(line, scale)
    for number, entries in enumerate(_legend(panel)):
        y = TOP + PLOT_HEIGHT + AXIS + ROW * (number + 0.5)
        for x, entry in entries:
            yield from _entry(entry, x, y)


def _axes(panel: Panel, scale: Scale) -> Iterator[str]:
    right, bottom = WIDTH - RIGHT, TOP + PLOT_HEIGHT
    step = _step(scale.high - scale.low)
    decimals = max(0, -math.floor(math.log10(step) + NARROW))
    for number in range(math.ceil(scale.low / step), math.floor(scale.high / step) + 1):
        y, text = scale.y(number * step), f"{number * step:.{decimals}f}".replace("-", "−")
        yield f'<path class="grid" d="M{_n(LEFT)} {_n(y)}H{_n(right)}"/>'
        yield f'<text class="e" x="{_n(LEFT - 5)}" y="{_n(y + 3.5)}">{text}</text>'
    layers = sorted({point[0] for line in panel.lines for point in line.points})
    for layer in layers[:: max(1, math.ceil(len(layers) / MAX_LAYERS))]:
        yield f'<text class="m" x="{_n(scale.x(layer))}" y="{_n(bottom + 13)}">{layer:.0f}</text>'
    middle, under = _n((LEFT + right) / 2), _n(bottom + 26)
    yield f'<text class="m" x="{middle}" y="{under}">layer (0: input embedding)</text>'
    yield f'<path class="muted l" d="M{_n(LEFT)} {_n(TOP)}V{_n(bottom)}H{_n(right)}"/>'


def _step(extent: float) -> float:
    """A round number of which about NUM_TICKS fit."""
    raw = extent / NUM_TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    return next(power * n for n in (1, 2, 5, 10) if power * n >= raw)


def _level(level: Level, scale: Scale) -> str:
    if level.upright:
        path = f"M{_n(scale.x(level.value))} {_n(TOP)}v{_n(PLOT_HEIGHT)}"
    else:
        path = f"M{_n(LEFT)} {_n(scale.y(level.value))}H{_n(WIDTH - RIGHT)}"
    return f'<path class="muted l"{_dashed(level.dashes)} d="{path}"/>'


def _line(line: Line, scale: Scale) -> Iterator[str]:
    lows = [(scale.x(at), scale.y(low)) for at, _, low, _ in line.points]
    highs = [(scale.x(at), scale.y(high)) for at, _, _, high in line.points]
    means = [(scale.x(at), scale.y(mean)) for at, mean, _, _ in line.points]
    if len(means) > 1:
        yield f'<path class="{line.colour} b" d="M{_path([*lows, *reversed(highs)])}Z"/>'
    else:
        yield f'<path class="{line.colour} l" d="M{_path([*lows, *highs])}"/>'
    width = ' stroke-width="0.9"' if line.hollow else ' stroke-width="1.5"'
    dashes = _dashed(line.dashes)
    yield f'<path class="{line.colour} l"{width}{dashes} d="M{_path(means)}"/>'
    for x, y in means:
        yield _mark(line, x, y)


def _mark(line: Line, x: float, y: float) -> str:
    empty = " o" if line.hollow else ""
    return f'<circle class="{line.colour}{empty}" cx="{_n(x)}" cy="{_n(y)}" r="2.4"/>'


def _legend(panel: Panel) -> list[list[tuple[float, Line | Level]]]:
    """Entries with their places, in as many rows as they need."""
    rows: list[list[tuple[float, Line | Level]]] = [[]]
    x = LEFT
    entries: list[Line | Level] = [*panel.lines, *panel.levels]
    for entry in entries:
        wide = SAMPLE + LETTER * len(entry.label) + GAP
        if x + wide > WIDTH and rows[-1]:
            rows.append([])
            x = LEFT
        rows[-1].append((x, entry))
        x += wide
    return rows


def _entry(entry: Line | Level, x: float, y: float) -> Iterator[str]:
    colour = entry.colour if isinstance(entry, Line) else "muted"
    path = f"M{_n(x)} {_n(y)}h{_n(SAMPLE - 5)}"
    yield f'<path class="{colour} l"{_dashed(entry.dashes)} d="{path}"/>'
    if isinstance(entry, Line):
        yield _mark(entry, x + (SAMPLE - 5) / 2, y)
    yield f'<text x="{_n(x + SAMPLE)}" y="{_n(y + 3.5)}">{escape(entry.label)}</text>'


def _dashed(dashes: str) -> str:
    return f' stroke-dasharray="{dashes}"' if dashes else ""


def _path(points: list[tuple[float, float]]) -> str:
    return "L".join(f"{_n(x)} {_n(y)}" for x, y in points)


def _n(number: float) -> str:
    """A number of pixels, as short as it can be."""
    return f"{number:.1f}".removesuffix(".0")
