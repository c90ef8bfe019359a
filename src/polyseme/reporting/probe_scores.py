"""One line a probe, task, representation and layer: what the chart and the slider of layers read.

groups     task, probe, metric and baselines (name, value) of each
systems    name; base: the trained representation that it is a twin of, itself where it is none
rows       group, system: places in those lists; layer; mean, low, high, seeds
"""

from __future__ import annotations

from typing import Any

from polyseme.reporting import numbers
from polyseme.reporting.collect import Evidence
from polyseme.reporting.measurements import INIT
from polyseme.reporting.probing import CHAIN, EDGE, Probing, probings
from polyseme.reporting.scores import number

COLUMNS = "group system layer mean low high seeds".split()


def build(evidence: Evidence) -> dict[str, Any] | None:
    """The lines of a report; None where nothing was probed layer by layer."""
    found = [each for each in probings(evidence) if each.kind != EDGE and each.scores]
    systems = list(dict.fromkeys(row["system"] for each in found for row in each.scores))
    order = {name: n for n, name in enumerate(evidence.systems())}
    systems.sort(key=lambda name: order[name])
    places = {name: n for n, name in enumerate(systems)}
    lines = [line for n, each in enumerate(found) for line in _lines(n, each, places)]
    if not lines:
        return None
    return {
        "groups": [_group(each) for each in found],
        "systems": [{"name": name, "base": base(name)} for name in systems],
        "rows": {name: [line[n] for line in lines] for n, name in enumerate(COLUMNS)},
    }


def base(system: str) -> str:
    """Name of the trained representation that one with random weights is the twin of."""
    name, at, corpus = system.partition("@")
    return name.removesuffix(INIT) + at + corpus


def _lines(group: int, each: Probing, places: dict[str, int]) -> list[tuple[Any, ...]]:
    lines = []
    for (system, layer), rows in each.scores.by("system", "layer").items():
        if summary := rows.summary():
            ends = (number(value) for value in (summary.mean, summary.low, summary.high))
            lines.append((group, places[system], int(layer), *ends, summary.num))
    return lines


def _group(each: Probing) -> dict[str, Any]:
    named = {"task": each.task, "probe": each.probe, "metric": numbers.name(each.metric)}
    return named | {"baselines": _baselines(each)}


def _baselines(each: Probing) -> list[dict[str, Any]]:
    """Those that look at no representation, and the chain of words for trees."""
    found = {"linear chain": each.rows.where(metric=CHAIN).values()[:1]}
    rows = each.base.where(metric=each.metric).real()
    found |= {
        numbers.name(name): group.values() for name, group in rows.by("representation").items()
    }
    return [
        {"name": name, "mean": number(sum(values) / len(values))}
        for name, values in found.items()
        if values
    ]
