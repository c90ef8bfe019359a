"""What trees and codes say by layer: one panel a task."""

from __future__ import annotations

from dataclasses import dataclass

from polyseme.reporting import numbers
from polyseme.reporting.collect import Evidence
from polyseme.reporting.figures import series, style
from polyseme.reporting.figures.layers import PANEL_INCHES, draw_panel, legend
from polyseme.reporting.page import Figure as Drawn
from polyseme.reporting.probing import CHAIN, CODE, TREE, Probing, probings

SHARED = (
    "Bands span the seeds; hollow marks are the same architecture with random weights; "
    "representations with one layer stand at the left."
)


@dataclass(frozen=True)
class Kind:
    """A figure of one kind of probe."""

    kind: str
    name: str
    title: str
    caption: str


KINDS = (
    Kind(
        TREE,
        "trees",
        "Trees by layer",
        "Structural probes by layer: share of the undirected edges of the tree that are found, "
        "with the largest rank. The grey line joins each word to the next, without any vector.",
    ),
    Kind(
        CODE,
        "compression",
        "Compression by layer",
        "Compression of the labels by the online code, by layer: 1 is the uniform code, which "
        "knows nothing; more is better.",
    ),
)


def draw(evidence: Evidence) -> list[Drawn]:
    """A figure of each kind that was measured."""
    measured = probings(evidence)
    found = [(of, [each for each in measured if each.kind == of.kind]) for of in KINDS]
    return [_draw(evidence, of, panels) for of, panels in found if panels]


def _draw(evidence: Evidence, of: Kind, found: list[Probing]) -> Drawn:
    looks = series.looks(evidence.systems(), evidence.static())
    drawn = dict.fromkeys(row["system"] for each in found for row in each.scores)
    systems = [name for name in drawn if looks[name].filled]
    chain = series.dashes(["linear chain"] if any(_chain(each) for each in found) else [])
    with style.styled():
        figure, panels = style.wrapped(len(found), PANEL_INCHES, labels=[*systems, *chain])
        for axes, each in zip(panels, found, strict=True):
            draw_panel(axes, each.scores, looks)
            for value in _chain(each):
                axes.axhline(value, color=style.light("muted"), linestyle=":", linewidth=1.2)
            axes.set_title(style.short(f"{each.task}, {each.probe}"), loc="left")
            axes.set_ylabel(numbers.name(each.metric))
        handles = legend(systems, looks, evidence.static()) + series.baseline_handles(chain)
        style.add_legend(figure, handles)
        alt = f"Line plots by layer, one a task: {numbers.name(found[0].metric)}. The tables hold "
        alt += "the numbers."
        svg = style.to_svg(figure, name=of.name, title=of.title, alt=alt)
    return Drawn(of.name, f"{of.caption} {SHARED}", alt, svg)


def _chain(each: Probing) -> list[float]:
    """The one value that all representations share."""
    return each.rows.where(metric=CHAIN).values()[:1]
