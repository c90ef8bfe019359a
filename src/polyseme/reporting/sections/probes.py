"""Probes: score, control score and selectivity by layer, with the baselines."""

from __future__ import annotations

from polyseme.reporting import numbers
from polyseme.reporting.collect import Evidence
from polyseme.reporting.figures import layers as figure
from polyseme.reporting.figures.layers import SELECTIVITY, main_metric
from polyseme.reporting.measurements import Measurements
from polyseme.reporting.page import Cell, Item, Section, Table, table
from polyseme.reporting.sections.comparison import number, score

SHOWN = 4
NOTES = (
    "Selectivity is the score on real labels minus that on control labels, which are random but "
    "fixed for each word type: a probe that merely memorises word types has little of it.",
    "The best layers named above are chosen on the scores shown, so they flatter every "
    "representation with several layers a little, the randomly initialised ones too.",
)


def build(evidence: Evidence) -> Section | None:
    """The section; None where nothing was probed."""
    drawn = figure.draw(evidence)
    if drawn is None:
        return None
    groups = evidence.rows.where(stage="probe").final().known().by("task", "probe")
    items, tables = [], []
    for (task, probe), rows in groups.items():
        base = evidence.rows.where(stage="baseline", task=task).final()
        items.append(Item(f"{task}, {probe} probe", _best_layers(rows, base)))
        tables.append(_scores(f"{task}, {probe} probe", rows, base))
    return Section(
        "Probes by layer",
        "probes",
        items=tuple(items),
        figures=(drawn,),
        tables=tuple(tables),
        notes=NOTES,
    )


def _best_layers(rows: Measurements, base: Measurements) -> str:
    """The best layer of the best representations, then the baselines."""
    metric = main_metric(rows)
    best = []
    for system, group in rows.where(metric=metric).real().by("system").items():
        layers = group.by("layer")
        means = {layer: summary.mean for layer, g in layers.items() if (summary := g.summary())}
        top = max(means, key=lambda layer: means[layer])
        at = f" (layer {top} of 0 to {len(means) - 1})" if len(means) > 1 else ""
        best.append((means[top], f"{system} {numbers.value(metric, means[top])}{at}"))
    best.sort(key=lambda pair: -pair[0])
    text = f"{numbers.name(metric)} {numbers.some([named for _, named in best], SHOWN)}"
    if len(best) > SHOWN + 1:
        text += f", down to {numbers.value(metric, best[-1][0])}"
    stands = []
    for name, group in base.where(metric=metric).real().by("representation").items():
        if summary := group.summary():
            stands.append(f"{numbers.name(name)} {numbers.value(metric, summary.mean)}")
    return f"{text}; baselines: {numbers.listing(stands)}." if stands else f"{text}."


def _scores(title: str, rows: Measurements, base: Measurements) -> Table:
    metric = main_metric(rows)
    lines: list[list[Cell | str]] = []
    for (system, layer), group in rows.by("system", "layer").items():
        real = group.where(metric=metric).real()
        lines.append(
            [
                system,
                _layer(layer),
                score(metric, real),
                score(metric, group.where(metric=metric, control=True)),
                score(SELECTIVITY, group.where(metric=SELECTIVITY)),
                number(len(real)),
                real.one("pooling") or numbers.MISSING,
                number(real.one("train_size")),
                number(real.one("num_items")),
            ]
        )
    for name, group in base.where(metric=metric).by("representation").items():
        lines.append(_baseline(metric, name, group))
    measured = numbers.name(metric)
    columns = ["Representation", "Layer", measured, f"Control {measured}", "Selectivity"]
    columns += ["Seeds", "Pooling", "Training items", "Items"]
    caption = f"{title}: by layer, on {rows.one('split')}"
    return table(caption, columns, lines, fold=columns[5:])


def _layer(layer: str | None) -> Cell:
    if layer is None:
        return Cell(numbers.MISSING)
    return Cell(layer, float(layer) if layer.isdecimal() else None)


def _baseline(metric: str, name: str, rows: Measurements) -> list[Cell | str]:
    """A baseline has no selectivity row of its own: it is the difference of its two means."""
    real, control = rows.real(), rows.where(control=True)
    chosen, random = real.summary(), control.summary()
    left = chosen.mean - random.mean if chosen and random else None
    difference = Cell(numbers.value(SELECTIVITY, left), left)
    seeds = number(len(real)) if real.distinct("seed") else numbers.MISSING
    return [
        f"{numbers.name(name)} (baseline)",
        numbers.MISSING,
        score(metric, real),
        score(metric, control),
        difference,
        seeds,
        numbers.MISSING,
        number(real.one("train_size")),
        number(real.one("num_items")),
    ]
