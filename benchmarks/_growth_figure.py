"""The figure of `growth`: seconds and memory against words, both axes logarithmic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from polyseme.reporting.figures import series, style

MIB = 2**20
PANELS = (("cpu_seconds", 1, "processor seconds"), ("peak_bytes", MIB, "peak memory, MiB"))


def draw(cells: Sequence[Mapping[str, Any]]) -> str:
    """SVG with a line a stage."""
    names = list(dict.fromkeys(str(cell["stage"]) for cell in cells))
    with style.styled():
        figure, [axes] = style.canvas([3.0], columns=2, labels=names, width=style.WIDE_INCHES)
        for panel, (key, unit, label) in zip(axes, PANELS, strict=True):
            _panel(panel, cells, names, key, unit)
            panel.set_title(label)
        style.add_legend(figure, axes[0].get_lines())
        alt = "Processor seconds and peak memory against words, a line a stage; numbers: the table."
        return style.to_svg(figure, name="growth", title="Growth with the text", alt=alt)


def _panel(
    panel: Axes, cells: Sequence[Mapping[str, Any]], names: list[str], key: str, unit: float
) -> None:
    looks = series.looks(names)
    for name in names:
        points = sorted((c["words"], c[key] / unit) for c in cells if c["stage"] == name)
        x, y = zip(*points, strict=True)
        look = looks[name]
        panel.plot(
            x, y, color=look.colour, marker=look.marker, ms=3.5, fillstyle=look.fill, label=name
        )
    panel.set_xscale("log")
    panel.set_yscale("log")
    sizes = sorted({cell["words"] for cell in cells})
    panel.set_xticks(sizes, [f"{size / 1e6:g}M" for size in sizes])
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    plain = FuncFormatter(lambda value, _: f"{value:,g}")
    panel.yaxis.set_major_formatter(plain)
    panel.yaxis.set_minor_formatter(NullFormatter())
    panel.set_xlabel("words of text")
