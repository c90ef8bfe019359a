"""Which colour, marker and dashes each series has, in every figure alike.

Static and contextual representations have markers, dashes and fills of their own; of two of one
kind that share a colour, markers and fills differ.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from matplotlib.artist import Artist
from matplotlib.lines import Line2D

from polyseme.reporting import numbers
from polyseme.reporting.figures import style
from polyseme.reporting.measurements import INIT

Fill = Literal["full", "none", "left", "bottom"]

STATIC_MARKERS = ("*", "<", ">", "p", "d", "h", "8")
FILLS: tuple[Fill, ...] = ("full", "left")
STATIC_FILLS: tuple[Fill, ...] = ("none", "bottom")
DASHES = (":", "-.", "--")


@dataclass(frozen=True)
class Look:
    """How one system is drawn, in every figure alike.

    Attributes:
        filled: whether its marker is; that of random weights is not.
        fill: tells systems of the same colour apart where markers say something else.
    """

    colour: str
    marker: str
    dashes: str
    filled: bool
    fill: Fill

    @property
    def face(self) -> str:
        """Colour inside the marker."""
        return self.colour if self.filled else style.light("paper")


def looks(systems: Sequence[str], static: Collection[str] = ()) -> dict[str, Look]:
    """A look for each system; a randomly initialised one is the hollow twin of the trained one.

    Args:
        static: systems whose markers, dashes and fills are of another kind.
    """
    bases = list(dict.fromkeys(_base(name) for name in systems))
    kinds = [[name for name in bases if (name in static) == flag] for flag in (True, False)]
    chosen = {}
    for name in systems:
        is_static, base = name in static, _base(name)
        colour = bases.index(base)
        rank = kinds[0 if is_static else 1].index(base)
        chosen[name] = _look(colour, rank, is_trained=base == name, is_static=is_static)
    return chosen


def _look(colour: int, rank: int, *, is_trained: bool, is_static: bool) -> Look:
    """The look of the `rank`-th of its kind."""
    markers, fills = (STATIC_MARKERS, STATIC_FILLS) if is_static else (style.MARKERS, FILLS)
    return Look(
        colour=style.light(style.SERIES[colour % len(style.SERIES)]),
        marker=markers[rank % len(markers)],
        dashes=":" if is_static else "-" if is_trained else "--",
        filled=is_trained,
        fill=fills[rank // len(style.SERIES) % len(fills)],
    )


def dashes(baselines: Sequence[str]) -> dict[str, str]:
    """How the line of each baseline is drawn."""
    return {name: DASHES[n % len(DASHES)] for n, name in enumerate(baselines)}


def baseline_handles(drawn: Mapping[str, str]) -> list[Artist]:
    """Entries of a legend for the lines of baselines."""
    muted = style.light("muted")
    return [
        Line2D([], [], color=muted, linestyle=line, label=style.short(numbers.name(name)))
        for name, line in drawn.items()
    ]


def _base(system: str) -> str:
    name, at, corpus = system.partition("@")
    return name.removesuffix(INIT) + at + corpus


def ranked(rank: int) -> tuple[str, str]:
    """Colour and marker of the n-th of other things, such as senses and strategies."""
    colour = style.light(style.SERIES[rank % len(style.SERIES)])
    return colour, style.MARKERS[rank % len(style.MARKERS)]
