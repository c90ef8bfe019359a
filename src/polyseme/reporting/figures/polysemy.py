"""Occurrences of one word in every representation and layer, coloured by sense.

Where occurrences of several senses fall on one point, as they do for a static vector, their
marks lie on each other like rings of a target, so that none hides another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from polyseme.reporting import numbers
from polyseme.reporting.collect import Evidence
from polyseme.reporting.figures import series, style
from polyseme.reporting.page import Figure as Drawn
from polyseme.reporting.polysemy import Layer, Word

NAME = "polysemy"
MAX_COLUMNS, MAX_PANELS, TITLE_INCHES = 5, 15, 0.42
MARK, RING = 4.6, 5.0
CROWD = 6
MARGIN, LEAST_RADIUS, GRAIN = 1.28, 1e-3, 50
TITLE_LETTERS, LEGEND_PANELS = 17, 2


@dataclass(frozen=True)
class _Panel:
    """One scatter plot."""

    title: str
    word: Word
    layer: Layer

    @property
    def is_best(self) -> bool:
        return len(self.word.layers) > 1 and self.layer is self.word.best


def draw(evidence: Evidence) -> Drawn | None:
    """The figure, of the first word; None where no representation describes one."""
    if not evidence.polysemy:
        return None
    name, word = next(iter(next(iter(evidence.polysemy.values())).words.items()))
    rows = list(_rows(evidence, name))
    layers = sum(len(found.words[name].layers) for found in evidence.polysemy.values())
    shown = "each layer" if layers <= MAX_PANELS else "the best layer"
    alt = (
        f"Scatter plots of the occurrences of {name}, one for each static representation and for "
        f"{shown} of a contextualized one, coloured by sense: {numbers.listing(word.senses)}. "
        "The separation table holds the numbers."
    )
    with style.styled():
        figure = _draw(rows, f"{name}, in the sense of", word.senses)
        svg = style.to_svg(figure, name=NAME, title=f"The senses of {name}", alt=alt)
    caption = (
        f"Every mark is an occurrence of {name} in a sentence, at the first two principal "
        "components of its vector; each panel has its own scale, and is "
        f"{shown} of a contextualized representation. A static representation has one "
        "vector for each spelling, so that occurrences coincide (rings; the count above). The "
        "number in the title is the separation: how often the nearest other occurrence has the "
        "same sense; always guessing the most frequent sense would give "
        f"{numbers.value('accuracy', word.majority)}."
    )
    return Drawn(NAME, caption, alt, svg)


def places(layer: Layer) -> list[tuple[int, int]]:
    """The cell of a fine grid in which each point lies: equal for points drawn on each other."""
    grain = GRAIN / _radius(layer)
    return [(round(x * grain), round(y * grain)) for x, y in layer.points]


def _rows(evidence: Evidence, name: str) -> Iterator[list[_Panel]]:
    """The static ones together, then each contextual one from its first layer to its last.

    Where that would be more than MAX_PANELS, the best layer stands for all of a representation.
    """
    systems = evidence.polysemy
    words = {system: found.words[name] for system, found in systems.items()}
    static = [system for system, found in systems.items() if found.is_static]
    groups = [[_Panel(style.short(s, TITLE_LETTERS), words[s], words[s].layers[0]) for s in static]]
    for system in (s for s in systems if s not in static):
        title = style.short(system, TITLE_LETTERS - len(", layer 0"))
        word = words[system]
        groups.append([_Panel(f"{title}, layer {each.layer}", word, each) for each in word.layers])
    if sum(map(len, groups)) > MAX_PANELS:
        best = [next(panel for panel in group if panel.is_best) for group in groups[1:]]
        groups = [[*groups[0], *best]]
    for group in groups:
        yield from (group[n : n + MAX_COLUMNS] for n in range(0, len(group), MAX_COLUMNS))


def _draw(rows: list[list[_Panel]], title: str, senses: list[str]) -> Figure:
    columns = max(3, *map(len, rows))
    free = columns - len(rows[0])
    labels = () if free >= LEGEND_PANELS else (title, *senses)
    heights = [style.WIDE_INCHES / columns + TITLE_INCHES] * len(rows)
    figure, grid = style.canvas(heights, columns=columns, labels=labels, width=style.WIDE_INCHES)
    for panels, line in zip(rows, grid, strict=True):
        for axes in line:
            axes.set_axis_off()
        for panel, axes in zip(panels, line, strict=False):
            _draw_panel(axes, panel, senses)
    handles = [_mark(sense, n) for n, sense in enumerate(senses)]
    if labels:
        style.add_legend(figure, handles)
    else:
        legend = grid[0][-free].legend(
            handles=handles, title=title, loc="center left", alignment="left", fontsize=9.5
        )
        legend.get_title().set_fontweight("bold")
        legend.set_in_layout(False)
    return figure


def _draw_panel(axes: Axes, panel: _Panel, senses: Sequence[str]) -> None:
    radius = _radius(panel.layer) * MARGIN
    axes.set_axis_on()
    axes.set(xlim=(-radius, radius), ylim=(-radius, radius), xticks=[], yticks=[], box_aspect=1)
    axes.spines[["top", "right"]].set_visible(True)
    axes.spines[:].set_color(style.light("grid"))
    axes.set_title(panel.title, pad=15, fontsize=8.5)
    score = axes.annotate(
        f"separation {panel.layer.separation:.2f}",
        (0, 1),
        (0, 4),
        xycoords="axes fraction",
        textcoords="offset points",
        color=style.light("ink" if panel.is_best else "muted"),
        fontweight="bold" if panel.is_best else "normal",
        fontsize=8.0,
    )
    score.set_in_layout(False)  # the title has kept room for it
    _draw_points(axes, panel, senses)


def _draw_points(axes: Axes, panel: _Panel, senses: Sequence[str]) -> None:
    cells, points = places(panel.layer), panel.layer.points
    found: dict[tuple[int, int], dict[str, int]] = {}
    for n, cell in enumerate(cells):
        found.setdefault(cell, {}).setdefault(panel.word.occurrences[n].sense, n)
    for rank, sense in enumerate(senses):
        single = [
            points[n]
            for n, cell in enumerate(cells)
            if panel.word.occurrences[n].sense == sense and len(found[cell]) == 1
        ]
        _plot(axes, single, rank, MARK)
    for cell, kinds in found.items():
        if cells.count(cell) * CROWD > len(cells):
            _count(axes, points[next(iter(kinds.values()))], cells.count(cell), len(kinds))
        stacked = [sense for sense in senses if sense in kinds] if len(kinds) > 1 else []
        for depth, sense in enumerate(reversed(stacked)):
            size = MARK + RING * (len(stacked) - 1 - depth)
            _plot(axes, [points[kinds[sense]]], senses.index(sense), size)


def _count(axes: Axes, point: tuple[float, float], number: int, rings: int) -> None:
    """How many occurrences lie on a crowded place."""
    over = (MARK + RING * (rings - 1)) / 2 + 2
    muted = style.light("muted")
    text = axes.annotate(f"{number}×", point, (0, over), textcoords="offset points", ha="center")
    text.set(color=muted, fontsize=7.5, in_layout=False)


def _plot(axes: Axes, points: Sequence[tuple[float, float]], rank: int, size: float) -> None:
    colour, marker = series.ranked(rank)
    x, y = [point[0] for point in points], [point[1] for point in points]
    edge = style.light("paper")
    axes.plot(x, y, ls="", marker=marker, color=colour, ms=size, mec=edge, mew=0.4)


def _mark(sense: str, rank: int) -> Line2D:
    colour, marker = series.ranked(rank)
    label = style.short(sense)
    return Line2D([], [], ls="", marker=marker, color=colour, ms=6.5, mec="none", label=label)


def _radius(layer: Layer) -> float:
    return max(LEAST_RADIUS, *(abs(part) for point in layer.points for part in point))
