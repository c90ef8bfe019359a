"""Quality by layer: what a probe finds in each layer, and what is left after the control task."""

from __future__ import annotations

from math import ceil

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from polyseme.reporting import numbers
from polyseme.reporting.collect import Evidence
from polyseme.reporting.figures import style
from polyseme.reporting.measurements import Measurements
from polyseme.reporting.page import Figure as Drawn

NAME = "layers"
PANEL_INCHES = 2.15
SELECTIVITY = "selectivity"
MAX_TICKS = 8
DASHES = (":", "-.", "--")


def draw(evidence: Evidence) -> Drawn | None:
    """The figure; None where nothing was probed."""
    probed = evidence.rows.where(stage="probe").final().known()
    groups = probed.by("task", "probe")
    if not groups:
        return None
    systems = probed.distinct("system")
    looks = style.looks(evidence.systems())
    with style.styled():
        names: dict[str, str] = {}
        baselines = evidence.rows.where(stage="baseline").distinct("representation")
        labels = [*systems, *map(numbers.name, baselines)]
        heights = [PANEL_INCHES] * len(groups)
        figure, grid = style.canvas(heights, columns=2, labels=labels)
        for ((task, probe), rows), (left, right) in zip(groups.items(), grid, strict=True):
            metric = main_metric(rows)
            base = evidence.rows.where(stage="baseline", task=task, metric=metric)
            _draw_panel(left, rows.where(metric=metric).real(), looks)
            names |= _draw_baselines(left, base.real().final().known(), names)
            _draw_selectivity(right, rows.where(metric=SELECTIVITY), looks)
            left.set_title(style.short(f"{task}, {probe}"), loc="left")
            left.set_ylabel(f"{numbers.name(metric)} ({rows.one('split')})")
        style.add_legend(figure, _legend(systems, looks) + _legend_baselines(names))
        alt = (
            "Line plots by layer, one row a task and probe: on the left the score of the probe, "
            "on the right its selectivity. The probe tables hold the numbers."
        )
        svg = style.to_svg(figure, name=NAME, title="Quality by layer", alt=alt)
    caption = (
        "Probes by layer: score on the real labels (left) and selectivity, the score minus that "
        "on control labels (right). Bands span the seeds. Hollow marks are the same architecture "
        "with random weights, thin lines carry one-layer representations across, grey lines "
        "are baselines that look at no representation."
    )
    return Drawn(NAME, caption, alt, svg)


def main_metric(rows: Measurements) -> str:
    """The score of a probe: its first metric besides selectivity."""
    metrics = [m for m in rows.distinct("metric") if m != SELECTIVITY]
    return str(metrics[0]) if metrics else SELECTIVITY


def _draw_selectivity(axes: Axes, rows: Measurements, looks: dict[str, style.Look]) -> None:
    if rows:
        _draw_panel(axes, rows, looks)
        axes.set_ylabel(SELECTIVITY)
    else:
        axes.set_axis_off()
        text, muted = "no control task", style.light("muted")
        axes.text(0.5, 0.5, text, ha="center", color=muted, transform=axes.transAxes)


def _draw_panel(axes: Axes, rows: Measurements, looks: dict[str, style.Look]) -> None:
    layers = rows.distinct("layer")
    names = sorted((n for n in layers if n.isdecimal()), key=int)
    names += sorted(n for n in layers if not n.isdecimal())
    places = {name: n for n, name in enumerate(names)}
    for system, measured in rows.by("system").items():
        _draw_system(axes, measured, looks[system], places)
    step = max(1, ceil(len(names) / MAX_TICKS))
    axes.set_xticks([places[n] for n in names[::step]], [style.short(n) for n in names[::step]])
    axes.set_xlim(-0.4, max(len(names), 2) - 0.6)
    axes.set_xlabel("layer (0: input embedding)")


def _draw_system(
    axes: Axes, measured: Measurements, look: style.Look, places: dict[str, int]
) -> None:
    groups = measured.by("layer")
    layers = sorted((n for n in groups if n is not None), key=lambda n: places[n])
    x = [places[n] for n in layers]
    values = [groups[n].values() for n in layers]
    means = [sum(v) / len(v) for v in values]
    if len(layers) == 1:
        axes.axhline(means[0], color=look.colour, linewidth=0.8, linestyle=look.dashes)
    elif any(len(v) > 1 for v in values):
        low, high = [min(v) for v in values], [max(v) for v in values]
        axes.fill_between(x, low, high, color=look.colour, alpha=0.18, linewidth=0)
    axes.plot(
        x,
        means,
        color=look.colour,
        ls=look.dashes,
        marker=look.marker,
        mfc=look.face,
        clip_on=False,
    )


def _draw_baselines(axes: Axes, rows: Measurements, known: dict[str, str]) -> dict[str, str]:
    """Horizontal lines.

    Args:
        known: dashes of the baselines drawn so far.

    Returns:
        Dashes of the baselines drawn here.
    """
    drawn: dict[str, str] = {}
    for name, measured in rows.by("representation").items():
        drawn[name] = known.get(name, DASHES[len(known | drawn) % len(DASHES)])
        values = measured.values()
        mean, muted = sum(values) / len(values), style.light("muted")
        axes.axhline(mean, color=muted, linestyle=drawn[name], linewidth=1.2)
    return drawn


def _legend(systems: list[str], looks: dict[str, style.Look]) -> list[Line2D]:
    return [
        Line2D(
            [],
            [],
            color=looks[name].colour,
            linestyle=looks[name].dashes,
            marker=looks[name].marker,
            markerfacecolor=looks[name].face,
            label=style.short(name),
        )
        for name in systems
    ]


def _legend_baselines(dashes: dict[str, str]) -> list[Line2D]:
    muted = style.light("muted")
    return [
        Line2D([], [], color=muted, linestyle=line, label=style.short(numbers.name(name)))
        for name, line in dashes.items()
    ]
