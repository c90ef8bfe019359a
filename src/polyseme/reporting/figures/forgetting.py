"""Forgetting: what fine-tuning adds to the loss on text of the pre-training corpus."""

from __future__ import annotations

from matplotlib.axes import Axes

from polyseme.reporting.collect import Evidence
from polyseme.reporting.figures import series, style
from polyseme.reporting.forgetting import Curve, curves
from polyseme.reporting.page import Figure as Drawn

NAME = "forgetting"
HEIGHT_INCHES = 2.5
ALT = (
    "Line plot, a panel for each transfer strategy and a line for each language model: how many "
    "bits per byte its loss on held-out text of the pre-training corpus has risen, against the "
    "share of fine-tuning that is done. metrics/forgetting.csv holds the numbers."
)
CAPTION = (
    "Forgetting: rise of the loss on held-out text of the pre-training corpus while a task is "
    "learned, mean over tasks (largest label budget, first seed)."
)


def draw(evidence: Evidence) -> Drawn | None:
    """The figure; None where it was not measured."""
    found = curves(evidence.forgetting)
    if not found:
        return None
    looks = series.looks(evidence.systems(), evidence.static())
    strategies = list(dict.fromkeys(curve.strategy for curve in found))
    with style.styled():
        labels = list(dict.fromkeys(curve.system for curve in found))
        figure, grid = style.wrapped(len(strategies), HEIGHT_INCHES, labels=labels)
        for strategy, axes in zip(strategies, grid, strict=True):
            _draw_strategy(axes, strategy, [c for c in found if c.strategy == strategy], looks)
        handles = {line.get_label(): line for axes in grid for line in axes.get_lines()}
        style.add_legend(figure, list(handles.values()))
        svg = style.to_svg(figure, name=NAME, title="Forgetting", alt=ALT)
    return Drawn(NAME, CAPTION, ALT, svg)


def _draw_strategy(
    axes: Axes, strategy: str, found: list[Curve], looks: dict[str, series.Look]
) -> None:
    for curve in found:
        look = looks[curve.system]
        label = style.short(curve.system)
        axes.plot(
            curve.done, curve.rise, color=look.colour, marker=look.marker, ms=3.5, label=label
        )
    axes.set_title(strategy, loc="left")
    axes.set_xlabel("share of fine-tuning done")
    axes.set_ylabel("rise (bits per byte)")
