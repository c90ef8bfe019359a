"""What each score cost."""

from __future__ import annotations

from polyseme.reporting import numbers
from polyseme.reporting.collect import Evidence
from polyseme.reporting.costs import costs
from polyseme.reporting.figures import cost as figure
from polyseme.reporting.page import Cell, Section, table

NOTE = (
    "Seconds are wall-clock, measured on the machine named under provenance while the pipeline "
    "ran; they are the one part of this report that differs between equal runs. Pre-training is "
    "paid once and serves every task."
)


def build(evidence: Evidence) -> Section | None:
    """The section; None where no seconds are known."""
    lines: list[list[Cell | str]] = []
    known = [c for c in costs(evidence) if c.pretrain is not None or c.finetune is not None]
    for cost in known:
        lines.append(
            [
                cost.task,
                cost.strategy,
                cost.system,
                _seconds(cost.pretrain),
                _seconds(cost.finetune),
                _seconds(cost.total),
                Cell(numbers.name(cost.metric)),
                Cell(numbers.spread(cost.metric, cost.score), cost.score.mean),
            ]
        )
    if not lines:
        return None
    columns = ["Task", "Strategy", "Representation", "Pre-training", "Fine-tuning, one seed"]
    columns += ["Together", "Metric", "Score"]
    drawn = figure.draw(evidence)
    return Section(
        "Cost against quality",
        "cost",
        figures=(drawn,) if drawn else (),
        tables=(table("Time that each score took", columns, lines),),
        notes=(NOTE,),
    )


def _seconds(value: float | None) -> Cell:
    return Cell(numbers.duration(value), value)
