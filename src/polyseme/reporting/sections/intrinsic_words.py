"""Tables of measures of word types: similarity, analogies, outliers and categories."""

from __future__ import annotations

from collections.abc import Mapping

from polyseme.reporting import numbers
from polyseme.reporting.collect import Evidence
from polyseme.reporting.intrinsic import (
    ALONE,
    COVERAGE,
    DISTILLED,
    Best,
    best,
    distilled,
    main_metric,
    own,
)
from polyseme.reporting.measurements import Measurements
from polyseme.reporting.page import Cell, Table, table
from polyseme.reporting.sections.comparison import number, score
from polyseme.reporting.sections.intrinsic_tables import bounded, parts_by_system
from polyseme.reporting.sections.probe_tables import Line, place

POLICIES = ("skip", "zero", "backoff", "shared")
Groups = Mapping[str, Measurements]


def similarity(evidence: Evidence, groups: Groups) -> list[Table]:
    """Policies side by side, for the best way of each representation, then for every one."""
    return _policies(groups, ("spearman",), "Word similarity")


def words(evidence: Evidence, groups: Groups) -> list[Table]:
    """The same for outliers and categories."""
    return _policies(groups, ("opp", "accuracy", "purity"), "Outliers and categories")


def _policies(groups: Groups, metrics: tuple[str, ...], title: str) -> list[Table]:
    lines: list[Line] = []
    folded: list[Table] = []
    found = {task: own(rows) for task, rows in groups.items()}
    known = [p for p in POLICIES if any(rows.where(strategy=p) for rows in found.values())]
    for task, rows in found.items():
        every: list[Line] = []
        for metric in [m for m in metrics if rows.where(metric=m)]:
            for system, group in rows.by("system").items():
                named = [task, numbers.name(metric), system]
                if chosen := best(group, metric):
                    lines.append([*named, chosen.way, *_by_policy(chosen.rows, metric, known)])
                for (variant, layer), one in group.by("variant", "layer").items():
                    if one.where(metric=metric):
                        way: Line = [variant or "", place(layer)]
                        every.append([*named[1:], *way, *_by_policy(one, metric, known)])
        columns = ["Measure", "Representation", "Asked", "Layer", *_columns(known)]
        caption = f"{task}: every way and layer"
        folded.append(table(caption, columns, every, fold=("Measure",), is_folded=True))
    columns = ["Task", "Measure", "Representation", "Best way and layer", *_columns(known)]
    return [table(title, columns, lines, fold=("Task", "Measure")), *folded]


def _columns(policies: list[str]) -> list[str]:
    return ["Coverage", *(name for p in policies for name in (p.capitalize(), f"Items ({p})"))]


def _by_policy(rows: Measurements, metric: str, policies: list[str]) -> Line:
    """Coverage, then value and number of items under each policy."""
    coverage = rows.where(metric=COVERAGE)
    line: Line = [score(COVERAGE, coverage) if coverage else numbers.MISSING]
    for policy in policies:
        found = rows.where(metric=metric, strategy=policy)
        line += [bounded(metric, found), number(found.one("num_items"))]
    return line


def distillation(evidence: Evidence, groups: Groups) -> list[Table]:
    """A line a task and contextual representation."""
    lines: list[Line] = []
    for task, rows in groups.items():
        metric = main_metric(evidence, task, rows) or "spearman"
        static = _best_static(evidence, rows, metric)
        for system, group in distilled(rows).by("system").items():
            raw = best(rows.where(system=system, variant=ALONE), metric)
            line: Line = [task, system, _with_way(metric, raw)]
            for variant in ("mean", "first_component"):
                line.append(
                    _with_way(metric, best(group.where(variant=DISTILLED + variant), metric))
                )
            lines.append([*line, _with_way(metric, static[1]), static[0]])
    columns = ["Task", "Representation", "Alone", "Mean of occurrences"]
    columns += ["First component of occurrences", "Best static", "Which"]
    return [table("Spearman correlation under zero", columns, lines, fold=("Task",))]


def _best_static(evidence: Evidence, rows: Measurements, metric: str) -> tuple[str, Best | None]:
    learned = [row for row in rows if row["words_seen"] != 0]
    static = Measurements(learned).where(system=tuple(evidence.static()))
    found = {name: best(group, metric) for name, group in static.by("system").items()}
    known = {name: each for name, each in found.items() if each}
    if not known:
        return numbers.MISSING, None
    top = max(known, key=lambda name: known[name].value)
    return top, known[top]


def _with_way(metric: str, found: Best | None) -> Cell:
    if found is None:
        return Cell(numbers.MISSING)
    layer = f" layer {found.layer}" if found.layer not in (None, "0") else ""
    return Cell(numbers.value(metric, found.value) + layer, found.value)


def analogies(evidence: Evidence, groups: Groups) -> list[Table]:
    """Rules down, policies across; then single relations."""
    lines: list[Line] = []
    folded: list[Table] = []
    for task, rows in groups.items():
        metric = main_metric(evidence, task, rows) or "accuracy"
        for system, group in own(rows).by("system").items():
            for rule, by_rule in _by_rule(group).items():
                if chosen := best(by_rule, metric):
                    way = Best(_way(chosen.variant), chosen.layer, chosen.value, chosen.rows).way
                    cells = _by_policy(chosen.rows, metric, ["skip", "zero"])
                    lines.append([task, system, rule or "", way, *cells])
        folded += parts_by_system(task, rows, metric, "Relation")
    columns = ["Task", "Representation", "Rule", "Best way and layer", *_columns(["skip", "zero"])]
    return [table("Accuracy by rule", columns, lines, fold=("Task",)), *folded]


def _by_rule(rows: Measurements) -> dict[str | None, Measurements]:
    """Variants are `rule`, or `rule/way`."""
    found: dict[str | None, list[dict[str, object]]] = {}
    for row in rows:
        rule = row["variant"].partition("/")[0] if row["variant"] else None
        found.setdefault(rule, []).append(row)
    return {rule: Measurements(group) for rule, group in found.items()}


def _way(variant: str | None) -> str | None:
    return (variant or "").partition("/")[2] or None
