"""What probes measured: of which kind a probe is, and which of its ranks counts.

Kinds are told by what was measured, so that a new probe finds its place by its rows.
"""

from __future__ import annotations

from dataclasses import dataclass

from polyseme.reporting.collect import Evidence
from polyseme.reporting.measurements import Measurements, is_main

SELECTIVITY = "selectivity"
CUMULATIVE, MIX, CHAIN = "cumulative", "mix", "uuas_chain"
CLASSIFIER, CODE, TREE, EDGE = "classifier", "code", "tree", "edge"
MAIN = {CODE: "compression", TREE: "uuas", EDGE: "accuracy"}


@dataclass(frozen=True)
class Probing:
    """Everything that one probe measured on one task, final rows with a value only.

    Attributes:
        kind: classifier (labels of units), code (their cost in bits), tree, or edge (spans, from
            layers 0 to l).
        base: rows of the task's baselines, which look at no representation.
    """

    task: str
    probe: str
    kind: str
    rows: Measurements
    base: Measurements

    @property
    def metric(self) -> str:
        """Its main metric."""
        if self.kind in MAIN:
            return MAIN[self.kind]
        metrics = [name for name in self.rows.distinct("metric") if is_main(name)]
        return str(metrics[0]) if metrics else SELECTIVITY

    @property
    def by_layer(self) -> Measurements:
        """Rows of the main rank and of a numbered layer."""
        rows = main_rank(self.rows)
        return Measurements([row for row in rows if row["layer"] not in (None, MIX)])

    @property
    def scores(self) -> Measurements:
        """Its main metric on real labels by layer, of the main rank."""
        return self.by_layer.where(metric=self.metric).real()


def probings(evidence: Evidence) -> list[Probing]:
    """Every task and probe that was measured, in the order of the rows."""
    found = []
    for (task, probe), rows in evidence.rows.where(stage="probe").by("task", "probe").items():
        known = (rows.final() or rows).known()
        base = evidence.rows.where(stage="baseline", task=task).final().known()
        if known:
            found.append(Probing(task, probe, _kind(known), known, base))
    return found


def firsts(found: list[Probing]) -> list[Probing]:
    """The first classifier of each task, for a task without one its first probe."""
    chosen: dict[str, Probing] = {}
    for each in sorted(found, key=lambda one: one.kind != CLASSIFIER):
        chosen.setdefault(each.task, each)
    return [chosen[task] for task in dict.fromkeys(one.task for one in found)]


def main_rank(rows: Measurements) -> Measurements:
    """Rows without a limit, of the largest one where all have one."""
    measured = Measurements([row for row in rows if row["layer"] is not None])
    if measured.where(rank=None) or not measured:
        return measured.where(rank=None)
    return measured.where(rank=max(measured.distinct("rank")))


def _kind(rows: Measurements) -> str:
    metrics = rows.distinct("metric")
    if MAIN[CODE] in metrics:
        return CODE
    if MAIN[TREE] in metrics:
        return TREE
    return EDGE if CUMULATIVE in rows.distinct("variant") else CLASSIFIER
