"""Numbers that findings are decided by: what probes and word similarity say, seed by seed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from polyseme.reporting import intrinsic, numbers
from polyseme.reporting.collect import Evidence
from polyseme.reporting.measurements import INIT, Measurements, Row
from polyseme.reporting.probing import CLASSIFIER, SELECTIVITY, Probing, main_rank

SIMILARITY = "similarity"
FEWEST = 2
"""Seeds that have a range."""

BySeed = dict[int, float]
Cell = tuple[str, str, str]
"""System, task and layer."""


def contextual(evidence: Evidence) -> frozenset[str]:
    """Selected representations with one vector a token, without twins of random weights."""
    return frozenset(evidence.made) - frozenset(evidence.static())


def selectivities(
    first: Sequence[Probing], second: Sequence[Probing], systems: Collection[str]
) -> tuple[BySeed, BySeed]:
    """Mean selectivity of two probes, over the layers that both have read."""
    ours, theirs = _cells(first, systems), _cells(second, systems)
    found: tuple[BySeed, BySeed] = {}, {}
    for seed in sorted(ours.keys() & theirs.keys()):
        cells = sorted(ours[seed].keys() & theirs[seed].keys())
        if cells:
            for means, values in zip(found, (ours[seed], theirs[seed]), strict=True):
                means[seed] = sum(values[cell] for cell in cells) / len(cells)
    return found


def _cells(found: Sequence[Probing], systems: Collection[str]) -> dict[int, dict[Cell, float]]:
    """Seed -> cell -> selectivity on the main rank."""
    values: dict[int, dict[Cell, float]] = {}
    for each in found:
        rows = main_rank(each.rows.where(metric=SELECTIVITY)) if each.kind == CLASSIFIER else ()
        for row in rows:
            if row["system"] in systems:
                cell = row["system"], row["task"], row["layer"]
                values.setdefault(_seed(row), {})[cell] = row["value"]
    return values


def gap(evidence: Evidence, found: Sequence[Probing], tasks: Collection[str]) -> BySeed:
    """Score of trained less that of random weights, each in its best layer, in the mean."""
    gaps: dict[int, list[float]] = {}
    for each in found:
        groups = each.scores.by("system") if each.task in tasks else {}
        for system in sorted(contextual(evidence) & groups.keys()):
            if (twin := _twin(system)) in groups:
                own, other = _tops(groups[system]), _tops(groups[twin])
                for seed in own.keys() & other.keys():
                    gaps.setdefault(seed, []).append(own[seed][1] - other[seed][1])
    return _means(gaps)


def best_layer(evidence: Evidence, found: Sequence[Probing], tasks: Collection[str]) -> BySeed:
    """Number of the best layer, in the mean over contextual representations and tasks."""
    layers: dict[int, list[float]] = {}
    for each in found:
        groups = each.scores.by("system") if each.task in tasks else {}
        for system in sorted(contextual(evidence) & groups.keys()):
            if len(groups[system].distinct("layer")) > 1:
                for seed, (layer, _) in _tops(groups[system]).items():
                    layers.setdefault(seed, []).append(float(layer))
    return _means(layers)


def similarities(evidence: Evidence) -> tuple[list[float], list[float]]:
    """Best static less best raw contextual of each task; distilled less raw of each of both."""
    static: list[float] = []
    distilled: list[float] = []
    for task, rows in intrinsic.measured(evidence).items():
        metric = intrinsic.main_metric(evidence, task, rows)
        if metric is None or intrinsic.kind(evidence, task) != SIMILARITY:
            continue
        raw, tables = [], []
        for system, group in rows.by("system").items():
            if system in contextual(evidence):
                alone = intrinsic.best(group.where(variant=intrinsic.ALONE), metric)
                made = intrinsic.best(intrinsic.distilled(group), metric)
                raw += [alone.value] if alone else []
                distilled += [made.value - alone.value] if made and alone else []
            elif group.distinct("words_seen") != [0]:
                found = intrinsic.best(intrinsic.own(group), metric)
                tables += [found.value] if found else []
        static += [max(tables) - max(raw)] if tables and raw else []
    return static, distilled


def spread(values: BySeed) -> str:
    """Mean, and lowest and highest seed, in words."""
    found = list(values.values())
    text = numbers.value("", sum(found) / len(found))
    if len(found) < FEWEST:
        return f"{text} (one seed)"
    low, high = (numbers.value("", end) for end in (min(found), max(found)))
    return f"{text} (seeds {low} to {high})"


def _tops(rows: Measurements) -> dict[int, tuple[str, float]]:
    """Seed -> best layer, the first of equal ones, and its value."""
    tops: dict[int, tuple[str, float]] = {}
    for row in rows:
        seed = _seed(row)
        if seed not in tops or row["value"] > tops[seed][1]:
            tops[seed] = row["layer"], row["value"]
    return tops


def _seed(row: Row) -> int:
    return -1 if row["seed"] is None else int(row["seed"])


def _twin(system: str) -> str:
    name, at, corpus = system.partition("@")
    return f"{name}{INIT}{at}{corpus}"


def _means(values: Mapping[int, list[float]]) -> BySeed:
    return {seed: sum(found) / len(found) for seed, found in sorted(values.items())}
