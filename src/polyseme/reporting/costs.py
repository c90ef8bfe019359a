"""What a score cost: seconds of pre-training and of fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass

from polyseme.reporting.collect import Evidence
from polyseme.reporting.measurements import SCRATCH
from polyseme.reporting.rankings import finals
from polyseme.stats.seeds import Summary


@dataclass(frozen=True)
class Cost:
    """Cost and quality of a representation with a strategy on a task.

    Attributes:
        pretrain: seconds of pre-training, 0 where the strategy does without it, None if unknown.
        finetune: mean seconds of fine-tuning over seeds, None if unknown.
        score: main metric over seeds.
    """

    task: str
    metric: str
    split: str
    strategy: str
    system: str
    pretrain: float | None
    finetune: float | None
    score: Summary

    @property
    def total(self) -> float | None:
        """Seconds of both; None where either is unknown."""
        if self.pretrain is None or self.finetune is None:
            return None
        return self.pretrain + self.finetune


def costs(evidence: Evidence) -> list[Cost]:
    """One entry for every task, strategy and representation, with all labels."""
    found = []
    for task in evidence.selection.tasks:
        metric = evidence.main_metric(task)
        rows = finals(evidence, task).largest()
        for (strategy, system), measured in rows.by("strategy", "system").items():
            summary = measured.summary()
            if metric is None or summary is None:
                continue
            seconds = [row["seconds"] for row in measured if row["seconds"] is not None]
            found.append(
                Cost(
                    task=task,
                    metric=metric,
                    split=str(measured.one("split")),
                    strategy=strategy,
                    system=system,
                    pretrain=0.0 if strategy == SCRATCH else evidence.made[system].seconds,
                    finetune=sum(seconds) / len(seconds) if seconds else None,
                    score=summary,
                )
            )
    return found


def finetuning(evidence: Evidence, strategy: str) -> dict[str, float]:
    """System -> seconds of one fine-tuning run with a strategy, in the mean over the tasks."""
    found: dict[str, list[float]] = {}
    for cost in costs(evidence):
        if cost.strategy == strategy and cost.finetune is not None:
            found.setdefault(cost.system, []).append(cost.finetune)
    return {system: sum(each) / len(each) for system, each in found.items()}
