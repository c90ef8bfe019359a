"""Contextuality by layer: one figure of anisotropy and self-similarity."""

from __future__ import annotations

from polyseme.reporting.collect import Evidence
from polyseme.reporting.figures import series, style
from polyseme.reporting.figures.layers import PANEL_INCHES, draw_panel, legend
from polyseme.reporting.page import Figure as Drawn

NAME = "contextuality"
PANELS = (
    ("anisotropy", None, "anisotropy"),
    ("self_similarity", "raw", "self-similarity"),
    ("self_similarity", "corrected", "self-similarity, corrected"),
)


def draw(evidence: Evidence) -> Drawn | None:
    """The figure; None where nothing was measured."""
    rows = evidence.rows.where(stage="intrinsic", task=NAME).known()
    found = [
        (title, measured)
        for metric, variant, title in PANELS
        if (measured := rows.where(metric=metric, variant=variant))
    ]
    if not found:
        return None
    looks = series.looks(evidence.systems(), evidence.static())
    systems = list(dict.fromkeys(row["system"] for _, measured in found for row in measured))
    with style.styled():
        figure, panels = style.wrapped(len(found), PANEL_INCHES, labels=systems)
        for axes, (title, measured) in zip(panels, found, strict=True):
            draw_panel(axes, measured, looks)
            axes.set_title(title, loc="left")
            axes.set_ylabel("cosine")
        style.add_legend(figure, legend(systems, looks, evidence.static()))
        alt = "Line plots by layer: anisotropy, self-similarity, and self-similarity without it. "
        alt += "The table holds the numbers."
        svg = style.to_svg(figure, name=NAME, title="Contextuality by layer", alt=alt)
    caption = (
        "Mean cosine of any two words (anisotropy), of two occurrences of the same word "
        "(self-similarity), and the latter minus the former, by layer. Representations with one "
        "layer stand at the left, and a thin line carries the highest of them across."
    )
    return Drawn(NAME, caption, alt, svg)
