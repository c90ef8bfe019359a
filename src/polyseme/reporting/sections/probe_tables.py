"""Tables of probes: one for all classifiers of a task, one for each other kind."""

from __future__ import annotations

from collections.abc import Sequence

from polyseme.reporting import numbers
from polyseme.reporting.measurements import Measurements
from polyseme.reporting.page import Cell, Table, table
from polyseme.reporting.probing import CHAIN, MIX, SELECTIVITY, Probing
from polyseme.reporting.sections.comparison import number, score

OPEN_ROWS = 24
"""A longer table has to be opened."""
FOLD = ("Probe", "Rank or width", "Rank", "Seeds", "Pooling", "Training items", "Items")
KILO = "kilobits"
TREES = ("uuas", "dspr", "root_accuracy", "nspr")
Line = list[Cell | str]


def classified(found: Sequence[Probing]) -> Table:
    """By probe, representation, layer and rank, then the baselines."""
    metric = found[0].metric
    lines: list[Line] = []
    for each in found:
        groups = each.rows.by("system", "layer", "rank").items()
        for (system, layer, rank), group in groups:
            real = group.where(metric=metric).real()
            control = group.where(metric=metric, control=True)
            line: Line = [each.probe, system, place(layer), _limit(rank), score(metric, real)]
            line += [score(metric, control), score(SELECTIVITY, group.where(metric=SELECTIVITY))]
            lines.append([*line, *_about(real)])
    base = found[0].base.where(metric=metric)
    lines += [_baseline(metric, name, rows) for name, rows in base.by("representation").items()]
    measured = numbers.name(metric)
    columns = ["Probe", "Representation", "Layer", "Rank or width", measured]
    columns += [f"Control {measured}", "Selectivity", "Seeds", "Pooling", "Training items", "Items"]
    names = numbers.listing([each.probe for each in found])
    caption = f"{found[0].task}, {names} probe{'s' if len(found) > 1 else ''}: by layer"
    return _table(f"{caption}, on {found[0].rows.one('split')}", columns, lines)


def best(found: Sequence[Probing]) -> Table:
    """A line a probe and representation: its best layer, and what the control task leaves."""
    metric = found[0].metric
    lines: list[Line] = []
    for each in found:
        for system, group in each.by_layer.by("system").items():
            real = group.where(metric=metric).real()
            tops = {layer: summary.mean for layer, rows in real.by("layer").items()
                    if (summary := rows.summary())}  # fmt: skip
            if not tops:
                continue
            top = max(tops, key=lambda layer: tops[layer])
            at = group.where(layer=top)
            line: Line = [each.probe, system, place(top), score(metric, real.where(layer=top))]
            line += [score(metric, at.where(metric=metric, control=True))]
            lines.append([*line, score(SELECTIVITY, at.where(metric=SELECTIVITY))])
    measured = numbers.name(metric)
    columns = ["Probe", "Representation", "Best layer", measured, f"Control {measured}"]
    caption = f"{found[0].task}: the best layer of each, and what is left after the control task"
    return table(caption, [*columns, "Selectivity"], lines, fold=FOLD)


def coded(each: Probing) -> Table:
    """Compression and kilobits of real and control labels."""
    lines: list[Line] = []
    for (system, layer), group in each.rows.by("system", "layer").items():
        real, control = group.real(), group.where(control=True)
        line: Line = [system, place(layer)]
        for rows in (real, control):
            line += [score(metric, rows.where(metric=metric)) for metric in ("compression", KILO)]
        lines.append([*line, *_about(real.where(metric=each.metric))])
    columns = ["Representation", "Layer", "Compression", "Kilobits", "Control compression"]
    columns += ["Control kilobits", "Seeds", "Pooling", "Training items", "Items"]
    caption = f"{each.task}, {each.probe} probe: cost of the training labels by layer"
    return _table(caption, columns, lines)


def trees(each: Probing) -> Table:
    """By layer and rank, then the linear chain, which is the same for all."""
    lines: list[Line] = []
    numbered = Measurements([row for row in each.rows if row["layer"] is not None])
    for (system, layer, rank), group in numbered.by("system", "layer", "rank").items():
        scores = [score(metric, group.where(metric=metric)) for metric in TREES]
        about = _about(group.where(metric=each.metric))
        lines.append([system, place(layer), _limit(rank), *scores, *about])
    if chain := each.rows.where(metric=CHAIN).values():
        blanks = [Cell(numbers.MISSING)]
        first = Cell(numbers.value(each.metric, chain[0]), chain[0])
        lines.append(["linear chain (baseline)", *blanks * 2, first, *blanks * 7])
    names = [numbers.name(metric) for metric in TREES]
    columns = ["Representation", "Layer", "Rank", *names, "Seeds", "Pooling"]
    caption = f"{each.task}, {each.probe} probe: by layer, on {each.rows.one('split')}"
    return _table(caption, [*columns, "Training items", "Items"], lines)


def edges(each: Probing) -> Table:
    """A line a representation: by the layers that may be used, and what the scores say."""
    layers = sorted({row["layer"] for row in each.scores}, key=int)
    lines: list[Line] = []
    for system, group in each.rows.by("system").items():
        scores = group.where(metric=each.metric)
        own = [scores.where(layer=layer) for layer in layers]
        mix = group.where(layer=MIX)
        line: Line = [system, *(score(each.metric, rows) for rows in own)]
        line.append(score(each.metric, mix.where(metric=each.metric)))
        for metric in ("centre_of_gravity", "expected_layer"):
            line.append(score(metric, mix.where(metric=metric)))
        lines.append([*line, *_about(own[0])])
    for name, rows in each.base.where(metric=each.metric).real().by("representation").items():
        blanks = [Cell(numbers.MISSING)]
        first = score(each.metric, rows)
        named = f"{numbers.name(name)} (baseline)"
        lines.append([named, first, *blanks * (len(layers) + 6)])
    columns = ["Representation"]
    columns += ["Layer 0" if layer == "0" else f"Layers 0 to {layer}" for layer in layers]
    columns += ["Mix of all", "Centre of gravity", "Expected layer", "Seeds", "Pooling"]
    caption = f"{each.task}, {each.probe} probe: {numbers.name(each.metric)} by the layers that "
    caption += f"it may use, on {each.rows.one('split')}"
    return _table(caption, [*columns, "Training items", "Items"], lines)


def place(layer: str | None) -> Cell:
    """A layer as a cell that sorts as a number."""
    if layer is None:
        return Cell(numbers.MISSING)
    return Cell(layer, float(layer) if layer.isdecimal() else None)


def _table(caption: str, columns: Sequence[str], lines: Sequence[Line]) -> Table:
    return table(caption, columns, lines, fold=FOLD, is_folded=len(lines) > OPEN_ROWS)


def _limit(rank: int | None) -> Cell:
    return Cell("full") if rank is None else Cell(str(rank))


def _about(rows: Measurements) -> list[Cell | str]:
    """Seeds, pooling and sizes."""
    return [
        number(len(rows)),
        rows.one("pooling") or numbers.MISSING,
        number(rows.one("train_size")),
        number(rows.one("num_items")),
    ]


def _baseline(metric: str, name: str, rows: Measurements) -> Line:
    """A baseline has no selectivity row of its own: it is the difference of its two means."""
    real, control = rows.real(), rows.where(control=True)
    chosen, random = real.summary(), control.summary()
    left = chosen.mean - random.mean if chosen and random else None
    seeds = number(len(real)) if real.distinct("seed") else numbers.MISSING
    missing = numbers.MISSING
    line: Line = [missing, f"{numbers.name(name)} (baseline)", missing, missing]
    line += [score(metric, real), score(metric, control)]
    line += [Cell(numbers.value(SELECTIVITY, left), left), seeds, missing]
    return [*line, number(real.one("train_size")), number(real.one("num_items"))]
