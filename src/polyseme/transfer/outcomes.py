"""What a cell leaves: scores and predictions of the evaluated splits, then rows of the results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from polyseme.tasks.common.prepared import PreparedTask
from polyseme.transfer.cells import Cell, Outcome
from polyseme.transfer.labelled import Labelled


def outcome_of(
    task: PreparedTask,
    splits: Mapping[str, Labelled],
    predicted: Mapping[str, np.ndarray],
    facts: dict[str, int],
    seconds: float,
) -> Outcome:
    """Scores and predictions of a cell.

    Args:
        splits: gold labels of the evaluated splits.
        predicted: of all units of each.
    """
    scores, tables = {}, []
    for split, data in splits.items():
        found = data.scored(predicted[split], task.names)
        scores[split] = task.score(found) | {"num_items": float(len(found.gold_N))}
        columns = {
            "split": pa.array([split] * len(found.gold_N), pa.string()),
            "item": pa.array(found.item_N, pa.int64()),
            "unit": pa.array(found.unit_N, pa.int64()),
            "gold": pa.array([found.name(n) for n in found.gold_N.tolist()], pa.string()),
            "predicted": pa.array([found.name(n) for n in found.predicted_N.tolist()], pa.string()),
        }
        tables.append(pa.table(columns))
    return Outcome(scores, facts, seconds, pa.concat_tables(tables))


def rows_of(cell: Cell, outcome: Outcome, common: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Rows of the results table; time is kept apart."""
    for split, scores in outcome.scores.items():
        for metric, value in scores.items():
            if metric != "num_items":
                yield {
                    **common,
                    **outcome.facts,
                    "stage": "finetune",
                    "task": cell.task,
                    "strategy": cell.strategy,
                    "layer": "mix",
                    "control": False,
                    "seed": cell.seed,
                    "split": split,
                    "metric": metric,
                    "value": value,
                    "num_items": int(scores["num_items"]),
                }
