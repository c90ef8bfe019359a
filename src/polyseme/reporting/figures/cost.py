"""Cost against quality: seconds of pre-training and fine-tuning against the main metric."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from polyseme.reporting import numbers
from polyseme.reporting.collect import Evidence
from polyseme.reporting.costs import Cost, costs
from polyseme.reporting.figures import series, style
from polyseme.reporting.page import Figure as Drawn

NAME = "cost"
PANEL_INCHES = 2.3


def draw(evidence: Evidence) -> Drawn | None:
    """The figure; None where no seconds are known."""
    points = [cost for cost in costs(evidence) if cost.total]
    if not points:
        return None
    tasks = list(dict.fromkeys(cost.task for cost in points))
    strategies = list(dict.fromkeys(cost.strategy for cost in points))
    systems = list(dict.fromkeys(cost.system for cost in points))
    looks = series.looks(evidence.systems(), evidence.static())
    markers = {s: style.MARKERS[n % len(style.MARKERS)] for n, s in enumerate(strategies)}
    with style.styled():
        labels = [*systems, *strategies]
        figure, grid = style.wrapped(len(tasks), PANEL_INCHES, labels=labels)
        for task, axes in zip(tasks, grid, strict=True):
            _draw_panel(axes, [cost for cost in points if cost.task == task], looks, markers)
        handles = [_swatch(looks[name], name) for name in systems]
        handles += [_mark(markers[name], name) for name in strategies]
        style.add_legend(figure, handles)
        alt = (
            "Scatter plot with one panel a task: seconds of pre-training and fine-tuning on a "
            "logarithmic axis against the score. The cost table holds the numbers."
        )
        svg = style.to_svg(figure, name=NAME, title="Cost against quality", alt=alt)
    caption = (
        "Cost against quality: colour and fill of a mark are the representation, its shape is the "
        "strategy; static representations are hollow. Seconds, on a logarithmic axis, are those "
        " of pre-training (none for scratch) and of one fine-tuning run, on this machine; "
        "bars are one standard deviation over seeds."
    )
    return Drawn(NAME, caption, alt, svg)


def _draw_panel(
    axes: Axes, points: list[Cost], looks: dict[str, series.Look], markers: dict[str, str]
) -> None:
    for cost in points:
        look = looks[cost.system]
        axes.errorbar(
            [cost.total or 0.0],
            [cost.score.mean],
            yerr=[cost.score.sd or 0.0],
            marker=markers[cost.strategy],
            color=look.colour,
            fillstyle=look.fill,
            ms=6.0,
            elinewidth=1.0,
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(base=10, subs=(1.0, 3.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.3g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.08, y=0.12)
    axes.set_title(style.short(points[0].task), loc="left")
    axes.set_xlabel("pre-training and fine-tuning (seconds)")
    axes.set_ylabel(f"{numbers.name(points[0].metric)} ({points[0].split})")


def _swatch(look: series.Look, name: str) -> Line2D:
    """The colour and fill of a system; squares are wide enough to show both."""
    label = style.short(name)
    return Line2D(
        [], [], color=look.colour, ls="", marker="s", ms=8, fillstyle=look.fill, label=label
    )


def _mark(marker: str, name: str) -> Line2D:
    ink = style.light("ink")
    return Line2D([], [], color=ink, ls="", marker=marker, mfc="none", label=style.short(name))
