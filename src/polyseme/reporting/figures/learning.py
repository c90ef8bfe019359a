"""Learning curves: score against number of labels, a row of panels a task, a panel a strategy."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter, NullLocator

from polyseme.reporting import numbers
from polyseme.reporting.collect import Evidence
from polyseme.reporting.figures import series, style
from polyseme.reporting.learning import budgeted
from polyseme.reporting.measurements import Measurements
from polyseme.reporting.page import Figure as Drawn

NAME = "learning_curves"
PANEL_INCHES, MOST_COLUMNS, MOST_TICKS = 1.9, 3, 5
ALT = (
    "Line plots of the score against the number of labelled training items on a logarithmic axis, "
    "a row of panels for each task and a panel for each transfer strategy, one line a "
    "representation. metrics/learning_curves.csv holds the numbers."
)
CAPTION = (
    "Score by number of labelled training items, on a logarithmic axis: one line a representation, "
    "one panel a strategy; lines are means, bands span the seeds."
)


def draw(evidence: Evidence) -> Drawn | None:
    """The figure; None where no task has several numbers of labels."""
    tasks = budgeted(evidence)
    if not tasks:
        return None
    measured = Measurements([row for rows in tasks.values() for row in rows])
    strategies, systems = measured.distinct("strategy"), measured.distinct("system")
    looks = series.looks(evidence.systems(), evidence.static())
    columns = min(MOST_COLUMNS, len(strategies))
    lines = math.ceil(len(strategies) / columns)
    with style.styled():
        figure, grid = style.canvas(
            [PANEL_INCHES] * lines * len(tasks),
            columns=columns,
            labels=systems,
            width=style.WIDE_INCHES if columns > 1 else style.WIDTH_INCHES,
        )
        for n, (task, rows) in enumerate(tasks.items()):
            panels = [axes for row in grid[n * lines : (n + 1) * lines] for axes in row]
            _draw_task(panels, task, rows, strategies, looks)
        style.add_legend(figure, [_handle(name, looks[name]) for name in systems])
        svg = style.to_svg(figure, name=NAME, title="Learning curves", alt=ALT)
    return Drawn(NAME, CAPTION, ALT, svg)


def _draw_task(
    panels: Sequence[Axes],
    task: str,
    rows: Measurements,
    strategies: Sequence[str],
    looks: dict[str, series.Look],
) -> None:
    """The panels of a task, which share their axes."""
    groups = rows.by("strategy")
    for n, (axes, strategy) in enumerate(zip(panels, strategies, strict=False)):
        if n:
            axes.sharey(panels[0])
            axes.tick_params(labelleft=False)
        for system, group in groups.get(strategy, Measurements([])).by("system").items():
            _draw_curve(axes, group, looks[system])
        _label_sizes(axes, sorted(rows.distinct("train_size")))
        axes.set_title(style.short(f"{task}, {strategy}"), loc="left")
    panels[0].set_ylabel(f"{numbers.name(str(rows.one('metric')))} ({rows.one('split')})")
    for axes in panels[len(strategies) :]:
        axes.set_axis_off()


def _draw_curve(axes: Axes, rows: Measurements, look: series.Look) -> None:
    groups = rows.by("train_size")
    sizes = sorted(groups)
    values = [groups[size].values() for size in sizes]
    if any(len(each) > 1 for each in values):
        low, high = [min(each) for each in values], [max(each) for each in values]
        axes.fill_between(sizes, low, high, color=look.colour, alpha=0.12, linewidth=0)
    means = [sum(each) / len(each) for each in values]
    axes.plot(
        sizes, means, color=look.colour, ls=look.dashes, lw=1.3, marker=look.marker, ms=4.0, mew=0
    )


def _label_sizes(axes: Axes, sizes: Sequence[int]) -> None:
    """Ticks at numbers of labels that were measured."""
    axes.set_xscale("log")
    step = math.ceil(len(sizes) / MOST_TICKS)
    ticks = sizes[::-1][::step]
    axes.set_xticks(ticks, [numbers.count(size) for size in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.12, y=0.08)
    axes.set_xlabel("labelled items")


def _handle(name: str, look: series.Look) -> Artist:
    return Line2D(
        [],
        [],
        color=look.colour,
        ls=look.dashes,
        marker=look.marker,
        mew=0,
        label=style.short(name),
    )
