"""Quality by layer: what a probe finds in each layer, and what is left after the control task."""

from __future__ import annotations

from math import ceil

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from polyseme.reporting import numbers
from polyseme.reporting.collect import Evidence
from polyseme.reporting.figures import series, style
from polyseme.reporting.measurements import Measurements
from polyseme.reporting.page import Figure as Drawn
from polyseme.reporting.probing import CLASSIFIER, SELECTIVITY, firsts, probings

NAME = "layers"
PANEL_INCHES = 2.15
MAX_TICKS = 8
STATIC, STATIC_PLACE = "static", -1


def draw(evidence: Evidence) -> Drawn | None:
    """The figure, of the first classifier of each task; None where there is none."""
    found = [each for each in firsts(probings(evidence)) if each.kind == CLASSIFIER]
    if not found:
        return None
    looks = series.looks(evidence.systems(), evidence.static())
    probed = [row["system"] for each in found for row in each.rows]
    systems = [name for name in dict.fromkeys(probed) if looks[name].filled]
    with style.styled():
        dashes = series.dashes(evidence.rows.where(stage="baseline").distinct("representation"))
        labels = [*systems, *map(numbers.name, dashes)]
        heights = [PANEL_INCHES] * len(found)
        figure, grid = style.canvas(heights, columns=2, labels=labels)
        for each, (left, right) in zip(found, grid, strict=True):
            draw_panel(left, each.scores, looks)
            _draw_baselines(left, each.base.where(metric=each.metric).real(), dashes)
            _draw_selectivity(right, each.by_layer.where(metric=SELECTIVITY), looks)
            left.set_title(style.short(f"{each.task}, {each.probe}"), loc="left")
            left.set_ylabel(f"{numbers.name(each.metric)} ({each.rows.one('split')})")
        style.add_legend(
            figure, legend(systems, looks, evidence.static()) + series.baseline_handles(dashes)
        )
        alt = (
            "Line plots by layer, one row a task: on the left the score of the probe, "
            "on the right its selectivity. The probe tables hold the numbers."
        )
        svg = style.to_svg(figure, name=NAME, title="Quality by layer", alt=alt)
    caption = (
        "Probes by layer: score on the real labels (left) and selectivity, the score minus that "
        "on control labels (right). Bands span the seeds. Hollow marks are the same architecture "
        "with random weights; representations with one layer stand at the left, and a thin line "
        "carries the best of them across; grey lines are baselines that look at no representation."
    )
    return Drawn(NAME, caption, alt, svg)


def _draw_selectivity(axes: Axes, rows: Measurements, looks: dict[str, series.Look]) -> None:
    if rows:
        draw_panel(axes, rows, looks)
        axes.set_ylabel(SELECTIVITY)
    else:
        axes.set_axis_off()
        text, muted = "no control task", style.light("muted")
        axes.text(0.5, 0.5, text, ha="center", color=muted, transform=axes.transAxes)


def draw_panel(axes: Axes, rows: Measurements, looks: dict[str, series.Look]) -> None:
    """Lines by layer on one rank; representations with one layer beside each other on the left."""
    groups = rows.by("system")
    single = {name: g for name, g in groups.items() if len(g.distinct("layer")) == 1}
    deep = [g for name, g in groups.items() if name not in single]
    layers = _ordered([layer for group in deep for layer in group.distinct("layer")])
    places = {name: n for n, name in enumerate(layers)}
    for system, measured in groups.items():
        if system not in single:
            _draw_system(axes, measured, looks[system], places)
    _draw_single(axes, single, looks)
    step = max(1, ceil(len(layers) / MAX_TICKS))
    ticks = {places[n]: style.short(n) for n in layers[::step]}
    ticks |= {STATIC_PLACE: STATIC} if single else {}
    axes.set_xticks(list(ticks), list(ticks.values()))
    axes.set_xlim(STATIC_PLACE - 0.5 if single else -0.4, max(len(layers), 1) - 0.6)
    axes.set_xlabel("layer (0: input embedding)")


def _ordered(layers: list[str]) -> list[str]:
    """Numbered layers in their order, then others."""
    numbered = sorted({n for n in layers if n.isdecimal()}, key=int)
    return numbered + sorted({n for n in layers if not n.isdecimal()})


def _draw_single(
    axes: Axes, groups: dict[str, Measurements], looks: dict[str, series.Look]
) -> None:
    """Marks spread over the width of a place, and the best one's score across."""
    means = {name: sum(g.values()) / len(g.values()) for name, g in groups.items() if g.values()}
    for n, (name, mean) in enumerate(means.items()):
        x, look = STATIC_PLACE - 0.3 + 0.6 * (n + 0.5) / len(means), looks[name]
        axes.plot([x], [mean], ls="", marker=look.marker, color=look.colour, mew=0, ms=5.5)
        if mean == max(means.values()):
            axes.axhline(mean, color=look.colour, linewidth=0.8)


def _draw_system(
    axes: Axes, measured: Measurements, look: series.Look, places: dict[str, int]
) -> None:
    groups = measured.by("layer")
    layers = sorted((n for n in groups if n is not None), key=lambda n: places[n])
    x = [places[n] for n in layers]
    values = [groups[n].values() for n in layers]
    means = [sum(v) / len(v) for v in values]
    if any(len(v) > 1 for v in values):
        low, high = [min(v) for v in values], [max(v) for v in values]
        axes.fill_between(x, low, high, color=look.colour, alpha=0.18, linewidth=0)
    axes.plot(
        x,
        means,
        color=look.colour,
        ls=look.dashes,
        lw=1.5 if look.filled else 0.9,
        marker=look.marker,
        ms=5.0 if look.filled else 3.5,
        mfc=look.face,
        clip_on=False,
    )


def _draw_baselines(axes: Axes, rows: Measurements, dashes: dict[str, str]) -> None:
    """Horizontal lines."""
    for name, measured in rows.by("representation").items():
        values = measured.values()
        mean, muted = sum(values) / len(values), style.light("muted")
        axes.axhline(mean, color=muted, linestyle=dashes[name], linewidth=1.2)


def legend(systems: list[str], looks: dict[str, series.Look], static: list[str]) -> list[Artist]:
    """Entries of a legend for representations."""
    return [
        Line2D(
            [],
            [],
            color=looks[name].colour,
            linestyle="" if name in static else looks[name].dashes,
            marker=looks[name].marker,
            markerfacecolor=looks[name].face,
            label=style.short(name),
        )
        for name in systems
    ]
