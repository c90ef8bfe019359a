"""Cards: everything that probes found in one representation on one task, by layer.

A card is a few panels of lines; figures/card.py draws it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from polyseme.reporting import numbers
from polyseme.reporting.collect import Evidence
from polyseme.reporting.figures import style
from polyseme.reporting.measurements import INIT, Measurements
from polyseme.reporting.probing import (
    CHAIN,
    CLASSIFIER,
    CODE,
    EDGE,
    MIX,
    SELECTIVITY,
    TREE,
    Probing,
    main_rank,
    probings,
)

FOLDER, PAGE = "cards", "cards.html"
SOLID, DASHED, DOTTED = "", "5 3", "1.5 3"
_UNSAFE = re.compile(r"[^A-Za-z0-9_.@-]")


@dataclass(frozen=True)
class Line:
    """Mean, lowest and highest seed at each layer.

    Attributes:
        hollow: whether it is thin and its marks are empty, as those of random weights.
    """

    label: str
    colour: str
    dashes: str
    hollow: bool
    points: tuple[tuple[float, float, float, float], ...]


@dataclass(frozen=True)
class Level:
    """A grey line across, of a baseline, or an upright one at a place between layers."""

    label: str
    value: float
    dashes: str
    upright: bool = False


@dataclass(frozen=True)
class Panel:
    """One small plot by layer."""

    title: str
    lines: tuple[Line, ...]
    levels: tuple[Level, ...] = ()


@dataclass(frozen=True)
class Card:
    """All panels of a representation on a task."""

    system: str
    task: str
    panels: tuple[Panel, ...]

    @property
    def name(self) -> str:
        """Of its file, and of its place on the page."""
        return f"{safe(self.system)}-{safe(self.task)}"

    @property
    def alt(self) -> str:
        """What it shows, in words."""
        titles = numbers.listing([panel.title for panel in self.panels])
        return f"Line plots by layer of {self.system} on {self.task}: {titles}."


def safe(name: str) -> str:
    """A name as part of a path and of a reference."""
    return _UNSAFE.sub(lambda found: f"~{ord(found[0]):x}", name)


def cards(evidence: Evidence) -> list[Card]:
    """One for each representation and task with rows of a probe; twins stand on the same card."""
    by_task: dict[str, list[Probing]] = {}
    for each in probings(evidence):
        by_task.setdefault(each.task, []).append(each)
    groups = {
        task: [(each, each.rows.by("system")) for each in found] for task, found in by_task.items()
    }
    made = []
    for corpus, name in evidence.selection.pairs():
        own, twin = (evidence.system(corpus, n) for n in (name, f"{name}{INIT}"))
        for task, found in groups.items():
            panels: list[Panel] = []
            pairs = []
            for each, rows in found:
                none = Measurements([])
                pair = rows.get(own, none), rows.get(twin, none)
                if pair[0]:
                    pairs.append((each, *pair))
                    panels += _PANELS[each.kind](each, *pair)
            panels += _selectivity(pairs)
            if panels:
                made.append(Card(own, task, tuple(panels)))
    return made


def _classified(each: Probing, own: Measurements, twin: Measurements) -> Iterator[Panel]:
    """By rank or width, with control labels and the twin."""
    own, twin = own.where(metric=each.metric), twin.where(metric=each.metric)
    lines = _by_rank(own.real(), twin.real())
    control = own.where(control=True)
    lines += _line("control", "slate", main_rank(control), dashes=DASHED)
    base = each.base.where(metric=each.metric).real().by("representation").items()
    dashes = (DOTTED, DASHED, SOLID)
    levels = [
        Level(numbers.name(name), sum(rows.values()) / len(rows), dashes[n % len(dashes)])
        for n, (name, rows) in enumerate(base)
    ]
    yield Panel(f"{each.probe}: {numbers.name(each.metric)}", tuple(lines), tuple(levels))


def _selectivity(found: Iterable[tuple[Probing, Measurements, Measurements]]) -> list[Panel]:
    """Of all classifiers in one panel."""
    lines = []
    for n, (each, own, twin) in enumerate(found):
        if each.kind == CLASSIFIER:
            for rows, is_twin in ((own, False), (twin, True)):
                chosen = main_rank(rows.where(metric=SELECTIVITY))
                label = f"{each.probe}, random weights" if is_twin else each.probe
                colour = style.SERIES[n % len(style.SERIES)]
                lines += _line(label, colour, chosen, hollow=is_twin)
    return [Panel(SELECTIVITY, tuple(lines))] if lines else []


def _coded(each: Probing, own: Measurements, twin: Measurements) -> Iterator[Panel]:
    own, twin = own.where(metric=each.metric), twin.where(metric=each.metric)
    lines = _line("real labels", "blue", own.real())
    lines += _line("control", "slate", own.where(control=True), dashes=DASHED)
    lines += _line("random weights", "blue", twin.real(), hollow=True)
    yield Panel(f"{each.probe}: {each.metric}", tuple(lines))


def _trees(each: Probing, own: Measurements, twin: Measurements) -> Iterator[Panel]:
    """Edges by rank with the linear chain, then what else was measured with the largest one."""
    chain = [Level("linear chain", value, DOTTED) for value in own.where(metric=CHAIN).values()[:1]]
    pair = [rows.where(metric=each.metric) for rows in (own, twin)]
    yield Panel(f"{each.probe}: {numbers.name(each.metric)}", tuple(_by_rank(*pair)), tuple(chain))
    others = [m for m in own.distinct("metric") if m not in (each.metric, CHAIN)]
    lines = []
    for n, metric in enumerate(others):
        colour = style.SERIES[n % len(style.SERIES)]
        for rows, is_twin in ((own, False), (twin, True)):
            chosen = main_rank(rows.where(metric=metric))
            label = numbers.name(metric) + (", random weights" if is_twin else "")
            lines += _line(label, colour, chosen, hollow=is_twin)
    if lines:
        yield Panel(f"{each.probe}: depths and distances", tuple(lines))


def _edges(each: Probing, own: Measurements, twin: Measurements) -> Iterator[Panel]:
    """By the last layer that may be used; the mix of all has the last score."""
    lines = _line("layers 0 to l", "blue", _numbered(own.where(metric=each.metric)))
    twins = _numbered(twin.where(metric=each.metric))
    lines += _line("random weights", "blue", twins, hollow=True)
    places = {"centre of gravity": DOTTED, "expected layer": DASHED}
    levels = []
    for label, dashes in places.items():
        if summary := own.where(layer=MIX, metric=label.replace(" ", "_")).summary():
            levels.append(Level(label, summary.mean, dashes, upright=True))
    yield Panel(f"{each.probe}: {numbers.name(each.metric)}", tuple(lines), tuple(levels))


_PANELS = {CLASSIFIER: _classified, CODE: _coded, TREE: _trees, EDGE: _edges}


def _by_rank(own: Measurements, twin: Measurements) -> list[Line]:
    """A line a rank, the main one first, then the twin on the main one."""
    ranks = own.distinct("rank")
    limits = [*([None] if own.where(rank=None) else []), *sorted(ranks, reverse=True)]
    lines = []
    for n, rank in enumerate(limits):
        label = "no limit" if rank is None else f"rank or width {rank}"
        colour = style.SERIES[n % len(style.SERIES)]
        lines += _line(label, colour, own.where(rank=rank))
    return lines + _line("random weights", style.SERIES[0], main_rank(twin), hollow=True)


def _numbered(rows: Measurements) -> Measurements:
    return Measurements([row for row in rows if (row["layer"] or "").isdecimal()])


def _line(
    label: str, colour: str, rows: Measurements, *, dashes: str = SOLID, hollow: bool = False
) -> list[Line]:
    """A line, or nothing where there are no rows."""
    points = []
    for layer, group in _numbered(rows).by("layer").items():
        values = group.values()
        points.append((float(layer), sum(values) / len(values), min(values), max(values)))
    return [Line(label, colour, dashes, hollow, tuple(sorted(points)))] if points else []
