"""Expected best against number of trials, one line a family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from polyseme.reporting import numbers
from polyseme.reporting.figures import series, style
from polyseme.sweeps.conf import Sweep
from polyseme.sweeps.expected import Expected

NAME, HEIGHT = "expected", 3.0
ALT = (
    "Line plot of the expected best value against the number of trials, one line a family with a"
    " band of one standard deviation, and the best of the trials so far as dots. expected.parquet"
    " and trials.parquet hold the numbers."
)


def draw(
    sweep: Sweep, found: Mapping[str, Sequence[Expected]], table: Sequence[Mapping[str, Any]]
) -> str:
    """The figure as SVG."""
    objective, looks = next(iter(sweep.objectives)), series.looks(list(sweep.families))
    with style.styled():
        figure, grid = style.canvas([HEIGHT], labels=list(found))
        axes = grid[0][0]
        for family, points in found.items():
            look, at = looks[family], [point.trials for point in points]
            mean = [point.mean for point in points]
            low, high = zip(*((p.mean - p.sd, p.mean + p.sd) for p in points), strict=True)
            axes.fill_between(at, low, high, color=look.colour, alpha=0.12, linewidth=0)
            axes.plot(at, mean, color=look.colour, ls=look.dashes)
            rows = [r for r in table if r["family"] == family and r["objective"] == objective]
            seen = [
                (r["place"] + 1, r["best_so_far"]) for r in rows if r["best_so_far"] is not None
            ]
            axes.plot(
                *zip(*seen, strict=True), color=look.colour, ls="", marker=look.marker, ms=3.0
            )
        axes.set_xlabel("trials")
        axes.set_ylabel(numbers.name(objective))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        style.add_legend(figure, [_handle(family, looks[family]) for family in found])
        return style.to_svg(figure, name=NAME, title="Expected best by number of trials", alt=ALT)


def _handle(name: str, look: series.Look) -> Line2D:
    return Line2D(
        [],
        [],
        color=look.colour,
        ls=look.dashes,
        marker=look.marker,
        ms=3.0,
        label=style.short(name),
    )
