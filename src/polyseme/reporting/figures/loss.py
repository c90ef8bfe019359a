"""Loss curves: validation bits per byte against words seen."""

from __future__ import annotations

from collections.abc import Iterable

from matplotlib.axes import Axes

from polyseme.reporting.collect import Evidence, History
from polyseme.reporting.figures import series, style
from polyseme.reporting.page import Figure as Drawn

NAME = "loss"
MEASURE = "valid_bits_per_byte"
HEIGHT_INCHES = 2.7
ALT = (
    "Line plot of the validation loss in bits per byte against the words seen in pre-training, one "
    "line a language model, one panel for those that predict the same. metrics/loss.csv holds the "
    "numbers."
)
CAPTION = (
    "Validation loss while pre-training, with a panel for each kind of prediction: bits per byte "
    "compare within a panel, not between panels."
)


def draw(evidence: Evidence) -> Drawn | None:
    """The figure; None where no history has a validation loss."""
    curves = {name: _curve(history) for name, history in evidence.histories.items()}
    curves = {name: curve for name, curve in curves.items() if curve}
    if not curves:
        return None
    looks = series.looks(evidence.systems(), evidence.static())
    kinds = _kinds(evidence, curves)
    with style.styled():
        figure, grid = style.wrapped(len(kinds), HEIGHT_INCHES, labels=list(curves))
        for (kind, names), axes in zip(kinds.items(), grid, strict=True):
            for name in names:
                _draw_curve(axes, curves[name], looks[name], style.short(name))
            axes.set_title(kind, loc="left", fontsize=8.0)
            axes.set_xlabel("words seen in pre-training (millions)")
            axes.set_ylabel("validation loss (bits per byte)")
        style.add_legend(figure, [line for axes in grid for line in axes.get_lines()])
        svg = style.to_svg(figure, name=NAME, title="Validation loss", alt=ALT)
    return Drawn(NAME, CAPTION, ALT, svg)


def _kinds(evidence: Evidence, names: Iterable[str]) -> dict[str, list[str]]:
    """Models by what they predict; one that does not say so stands alone."""
    kinds: dict[str, list[str]] = {}
    for name in names:
        kinds.setdefault(evidence.made[name].predicts or name, []).append(name)
    return kinds


def _draw_curve(
    axes: Axes, curve: list[tuple[float, float]], look: series.Look, label: str
) -> None:
    x, y = zip(*curve, strict=True)
    axes.plot(x, y, color=look.colour, marker=look.marker, ms=3.5, label=label)


def _curve(history: History) -> list[tuple[float, float]]:
    """(millions of words, bits per byte) wherever it was measured."""
    points = [(row.get("words_seen"), row.get(MEASURE)) for row in history]
    return [(words / 1e6, loss) for words, loss in points if words is not None and loss is not None]
