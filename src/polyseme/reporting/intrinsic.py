"""What intrinsic measures found: of which kind a measurement is, and its best way and layer.

Rows of one task may come from several measures (`similarity` and `distillation`), and each of them
asks a representation in several ways (column `variant`), layers and under several policies. What
stands for all is the best way and layer under the fair policy, named wherever it is shown.
"""

from __future__ import annotations

from dataclasses import dataclass

from polyseme.reporting.collect import Evidence
from polyseme.reporting.measurements import Measurements, is_main, lower_is_better

COVERAGE = "coverage"
FAIR_POLICY = "zero"
"""The policy for unknown words under which systems of different coverage compare."""
DISTILLED = "distilled_"
MOST_FREQUENT = "most_frequent"
"""A variant that looks at no vector."""
ALONE = "alone"


@dataclass(frozen=True)
class Best:
    """The variant and layer of a representation that is best in a metric, and its rows."""

    variant: str | None
    layer: str | None
    value: float
    rows: Measurements

    @property
    def way(self) -> str:
        """Variant and layer in words; blank where there is one of both."""
        layer = [] if self.layer is None else [f"layer {self.layer}"]
        return ", ".join([*([self.variant] if self.variant else []), *layer])


def measured(evidence: Evidence) -> dict[str, Measurements]:
    """Rows with a value of each task, or measure of the corpus."""
    return evidence.rows.where(stage="intrinsic").known().by("task")


def kind(evidence: Evidence, task: str) -> str:
    """Family of a task; of the corpus itself the name of the measure."""
    return str(evidence.tasks.get(task, {}).get("family", task))


def own(rows: Measurements) -> Measurements:
    """Of the whole task, and of the representation as it is."""
    rows = rows.where(part=None)
    return Measurements(
        [
            row
            for row in rows
            if row["variant"] != MOST_FREQUENT and not (row["variant"] or "").startswith(DISTILLED)
        ]
    )


def distilled(rows: Measurements) -> Measurements:
    """Of tables made from occurrences."""
    return Measurements([row for row in rows if (row["variant"] or "").startswith(DISTILLED)])


def main_metric(evidence: Evidence, task: str, rows: Measurements) -> str | None:
    """The one that the card of the task names, else the first one that can decide."""
    metrics = [name for name in rows.distinct("metric") if is_main(name)]
    named = evidence.tasks.get(task, {}).get("main_metric")
    return named if named in metrics else next(iter(metrics), None)


def fair(rows: Measurements) -> Measurements:
    """Under the fair policy, where there is a choice."""
    return rows.where(strategy=FAIR_POLICY) or rows.where(strategy=None)


def best(rows: Measurements, metric: str) -> Best | None:
    """Of the rows of one representation, the best variant and layer, the first of equal ones."""
    chosen = fair(rows.where(metric=metric)).known()
    groups = chosen.by("variant", "layer").items()
    means = {key: summary.mean for key, group in groups if (summary := group.summary())}
    if not means:
        return None
    sign = -1.0 if lower_is_better(metric) else 1.0
    variant, layer = key = max(means, key=lambda name: sign * means[name])
    return Best(variant, layer, means[key], rows.where(variant=variant, layer=layer))
