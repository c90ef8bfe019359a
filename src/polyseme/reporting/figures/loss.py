"""Loss curves: validation bits per byte against words seen."""

from __future__ import annotations

from polyseme.reporting.collect import Evidence, History
from polyseme.reporting.figures import style
from polyseme.reporting.page import Figure as Drawn

NAME = "loss"
MEASURE = "valid_bits_per_byte"
HEIGHT_INCHES = 2.7


def draw(evidence: Evidence) -> Drawn | None:
    """The figure; None where no history has a validation loss."""
    curves = {name: _curve(history) for name, history in evidence.histories.items()}
    curves = {name: curve for name, curve in curves.items() if curve}
    if not curves:
        return None
    looks = style.looks(list(dict.fromkeys([*evidence.systems(), *curves])))
    with style.styled():
        figure, [[axes]] = style.canvas([HEIGHT_INCHES], labels=list(curves))
        for name, curve in curves.items():
            x, y = zip(*curve, strict=True)
            look, label = looks[name], style.short(name)
            axes.plot(x, y, color=look.colour, marker=look.marker, ms=3.5, label=label)
        axes.set_xlabel("words seen in pre-training (millions)")
        axes.set_ylabel("validation loss (bits per byte)")
        style.add_legend(figure, axes.get_lines())
        alt = (
            "Line plot of the validation loss in bits per byte against the words seen in "
            "pre-training, one line a language model. metrics/loss.csv holds the numbers."
        )
        svg = style.to_svg(figure, name=NAME, title="Validation loss", alt=alt)
    caption = (
        "Validation loss while pre-training. Bits per byte of masked language models are over "
        "masked tokens alone: compare them with each other, not with causal models."
    )
    return Drawn(NAME, caption, alt, svg)


def _curve(history: History) -> list[tuple[float, float]]:
    """(millions of words, bits per byte) wherever it was measured."""
    points = [(row.get("words_seen"), row.get(MEASURE)) for row in history]
    return [(words / 1e6, loss) for words, loss in points if words is not None and loss is not None]
