"""Dot plot: every task, each representation with its mean and all of its seeds by strategy."""

from __future__ import annotations

from itertools import pairwise

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from polyseme.reporting import numbers
from polyseme.reporting.collect import Evidence
from polyseme.reporting.figures import series, style
from polyseme.reporting.measurements import Measurements
from polyseme.reporting.page import Figure as Drawn
from polyseme.reporting.rankings import finals

LANE_INCHES, GAP_LANES, FRAME_INCHES = 0.09, 0.8, 0.75
NAME = "comparison"
Panel = tuple[str, str, Measurements]


def draw(evidence: Evidence) -> Drawn | None:
    """The figure; None where nothing was fine-tuned."""
    panels = _panels(evidence)
    if not panels:
        return None
    with style.styled():
        figure = _draw(evidence, panels)
        alt = (
            "Dot plot with one panel a task: for each representation and transfer strategy the "
            "mean score and the score of every seed. The comparison tables hold the numbers."
        )
        svg = style.to_svg(figure, name=NAME, title="Comparison of representations", alt=alt)
    caption = (
        "Every representation on every task, by transfer strategy, each with the most labels that "
        "it was run with: marks are means, strokes single seeds, grey lines baselines that look "
        "at no representation."
    )
    return Drawn(NAME, caption, alt, svg)


def _panels(evidence: Evidence) -> list[Panel]:
    """Task, main metric and final scores, for each task that was fine-tuned."""
    panels = []
    for task in evidence.selection.tasks:
        metric = evidence.main_metric(task)
        if metric and (rows := finals(evidence, task).largest_of_each("strategy")):
            panels.append((task, metric, rows))
    return panels


def _draw(evidence: Evidence, panels: list[Panel]) -> Figure:
    measured = Measurements([row for _, _, rows in panels for row in rows])
    strategies = measured.distinct("strategy")
    systems = [name for name in evidence.ordered() if name in measured.distinct("system")]
    base = evidence.rows.where(stage="baseline", task=tuple(task for task, *_ in panels))
    dashes = series.dashes(base.distinct("representation"))
    height = len(systems) * (len(strategies) + GAP_LANES) * LANE_INCHES + FRAME_INCHES
    labels = [*strategies, *map(numbers.name, dashes)]
    figure, grid = style.wrapped(len(panels), height, labels=labels)
    for n, (axes, (task, metric, rows)) in enumerate(zip(grid, panels, strict=True)):
        _draw_scores(axes, rows, systems, strategies)
        own = base.where(task=task, metric=metric).real().final().known()
        for name, group in own.by("representation").items():
            mean, muted = sum(group.values()) / len(group), style.light("muted")
            axes.axvline(mean, color=muted, linestyle=dashes[name], linewidth=1.0, zorder=1)
        axes.set_title(style.short(task), loc="left")
        axes.set_xlabel(f"{numbers.name(metric)} on {rows.one('split')}")
        _label_lines(axes, systems, evidence.static(), named=n % style.COLUMNS == 0)
    handles = [_mark(name, n) for n, name in enumerate(strategies)]
    style.add_legend(figure, [*handles, *series.baseline_handles(dashes)])
    return figure


def _draw_scores(axes: Axes, rows: Measurements, systems: list[str], strategies: list[str]) -> None:
    """A lane for each strategy, those of one representation beside each other."""
    for (system, strategy), group in rows.by("system", "strategy").items():
        n = strategies.index(strategy)
        lane = n - (len(strategies) - 1) / 2
        y = systems.index(system) + lane / (len(strategies) + GAP_LANES)
        (colour, marker), values = series.ranked(n), group.values()
        axes.plot(values, [y] * len(values), ls="", marker="|", ms=7, mew=0.8, color=colour)
        axes.plot([sum(values) / len(values)], [y], marker=marker, ms=4.5, color=colour, mew=0)


def _label_lines(axes: Axes, systems: list[str], static: list[str], *, named: bool) -> None:
    """Names beside the first panel of a row; a line where static ones end."""
    labels = [style.short(name) for name in systems] if named else []
    axes.set_yticks(range(len(systems)), labels or [""] * len(systems))
    axes.set_ylim(len(systems) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    for n, (above, below) in enumerate(pairwise(systems)):
        is_border = (above in static) != (below in static)
        axes.axhline(
            n + 0.5,
            color=style.light("muted" if is_border else "grid"),
            linewidth=0.9 if is_border else 0.7,
            zorder=0.5,
        )


def _mark(name: str, rank: int) -> Artist:
    colour, marker = series.ranked(rank)
    return Line2D([], [], ls="", marker=marker, color=colour, ms=6, label=style.short(name))
