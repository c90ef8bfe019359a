"""Dot plot: every task and strategy, each representation with its mean and all of its seeds."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from polyseme.reporting import numbers
from polyseme.reporting.collect import Evidence
from polyseme.reporting.figures import style
from polyseme.reporting.measurements import Measurements
from polyseme.reporting.page import Figure as Drawn
from polyseme.reporting.rankings import finals

ROW_INCHES, FRAME_INCHES = 0.19, 0.85
NAME = "comparison"


def draw(evidence: Evidence) -> Drawn | None:
    """The figure; None where nothing was fine-tuned."""
    panels = _panels(evidence)
    if not panels:
        return None
    with style.styled():
        figure = _draw(evidence, panels)
        alt = (
            "Dot plot with one panel a task: for each transfer strategy and representation the "
            "mean score and the score of every seed. The comparison tables hold the numbers."
        )
        svg = style.to_svg(figure, name=NAME, title="Comparison of representations", alt=alt)
    caption = (
        "Every representation on every task, by transfer strategy: large marks are means, small "
        "ones single seeds, dotted lines baselines that look at no representation."
    )
    return Drawn(NAME, caption, alt, svg)


def _panels(evidence: Evidence) -> list[tuple[str, str, Measurements]]:
    """Task, main metric and final scores, for each task that was fine-tuned."""
    panels = []
    for task in evidence.selection.tasks:
        metric = evidence.main_metric(task)
        if metric and (rows := finals(evidence, task).largest()):
            panels.append((task, metric, rows))
    return panels


def _draw(evidence: Evidence, panels: list[tuple[str, str, Measurements]]) -> Figure:
    looks = style.looks(evidence.systems())
    base = evidence.rows.where(stage="baseline")
    sizes = [
        (_num_lines(rows, "system") + _num_lines(base.where(task=task), "representation"))
        * ROW_INCHES
        + FRAME_INCHES
        for task, _, rows in panels
    ]
    figure, grid = style.canvas(sizes)
    for (task, metric, rows), (axes,) in zip(panels, grid, strict=True):
        base = evidence.rows.where(stage="baseline", task=task, metric=metric)
        _draw_lines(axes, rows, base.real().final().known(), looks)
        axes.set_title(style.short(task), loc="left")
        axes.set_xlabel(f"{numbers.name(metric)} on {rows.one('split')}")
    return figure


def _num_lines(rows: Measurements, column: str) -> int:
    return sum(1 + len(group.distinct(column)) for group in rows.by("strategy").values())


def _draw_lines(
    axes: Axes, rows: Measurements, base: Measurements, looks: dict[str, style.Look]
) -> None:
    """One line a representation, under a line that names the strategy; then the baselines."""
    ticks: list[str] = []
    heads: list[int] = []
    for strategy, group in rows.by("strategy").items():
        heads.append(len(ticks))
        ticks.append(strategy)
        for system, measured in group.by("system").items():
            _draw_system(axes, len(ticks), measured, looks[system])
            ticks.append(system)
    for name, measured in base.by("representation").items():
        if name == base.rows[0]["representation"]:
            heads.append(len(ticks))
            ticks.append("baseline")
        _draw_baseline(axes, len(ticks), measured)
        ticks.append(numbers.name(name))
    _label_lines(axes, ticks, heads)


def _label_lines(axes: Axes, ticks: list[str], heads: list[int]) -> None:
    axes.set_yticks(range(len(ticks)), [style.short(text) for text in ticks])
    axes.set_ylim(len(ticks) - 0.3, -0.7)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    for head in heads:
        axes.get_yticklabels()[head].set_fontweight("bold")
        axes.axhline(head - 0.5, color=style.light("grid"), linewidth=0.7)


def _draw_system(axes: Axes, y: float, measured: Measurements, look: style.Look) -> None:
    """The mean above, the seeds below it, so that neither hides the other."""
    values = measured.values()
    mean, seeds = sum(values) / len(values), [y + 0.33] * len(values)
    axes.plot(values, seeds, ls="", marker="o", ms=2.8, mfc="none", mec=look.colour, mew=0.8)
    axes.plot([mean], [y - 0.08], ls="", marker=look.marker, mfc=look.face, mec=look.colour)


def _draw_baseline(axes: Axes, y: float, measured: Measurements) -> None:
    values, muted = measured.values(), style.light("muted")
    mean = sum(values) / len(values)
    axes.axvline(mean, color=muted, linestyle=":", linewidth=1.0)
    axes.plot([mean], [y], ls="", marker="d", mfc=muted, mec=muted)
