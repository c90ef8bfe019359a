"""What the stages `finetune` and `stack` do: compute all cells, write what they leave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from polyseme import results
from polyseme.runtime.stage import Stage
from polyseme.tasks.common.prepared import PreparedTask, trainable
from polyseme.transfer.cells import Cell, Outcome
from polyseme.transfer.evaluate import Evaluation
from polyseme.transfer.outcomes import rows_of
from polyseme.transfer.workers import Tasks, fill

SHOWN_PREDICTIONS = 5_000
"""Rows of predictions that the mirror shows: the first items of every cell."""
FORGETTING = pa.schema(
    [
        ("task", pa.string()),
        ("strategy", pa.string()),
        ("train_size", pa.int64()),
        ("seed", pa.int64()),
        ("epoch", pa.int64()),
        ("step", pa.int64()),
        ("bits_per_byte", pa.float64()),
    ]
)


def evaluate(
    stage: Stage, evaluation: Evaluation, task_root: Path, out: Path, common: Mapping[str, Any]
) -> None:
    """Write results.parquet, predictions.parquet and forgetting.parquet of one representation.

    Args:
        common: columns that all rows share.
    """
    names = trainable(task_root, stage.params["tasks"])
    tasks: dict[str, tuple[PreparedTask, str]] = {}
    for name in stage.params["tasks"]:
        folder = stage.input(task_root / name)
        if name in names:
            tasks[name] = PreparedTask(folder), stage.inputs[folder.as_posix()]
    rows: list[dict[str, Any]] = []
    predictions: list[pa.Table] = []
    curves: list[dict[str, Any]] = []
    seconds = {}
    for cell, outcome in _computed(stage, evaluation, tasks, desc=out.name):
        rows += rows_of(cell, outcome, common)
        seconds[cell.key] = round(outcome.seconds, 3)
        predictions.append(_named(cell, outcome))
        curves += _curve(cell, outcome)
    results.write(out / "results.parquet", rows)
    if predictions:
        pq.write_table(pa.concat_tables(predictions), out / "predictions.parquet")
        _show(stage, out / "predictions.parquet")
    pq.write_table(pa.Table.from_pylist(curves, schema=FORGETTING), out / "forgetting.parquet")
    stage.record["row_seconds"] = seconds
    stage.record["refused"] = evaluation.refused
    stage.tracker.table("results", out / "results.parquet")


def _show(stage: Stage, predictions: Path) -> None:
    cell = (*Cell._fields, "split")
    stage.tracker.table("predictions", predictions, groups=cell, most=SHOWN_PREDICTIONS)


def _computed(
    stage: Stage, evaluation: Evaluation, tasks: Tasks, *, desc: str
) -> Iterator[tuple[Cell, Outcome]]:
    """All cells, in the order of the results."""
    jobs = [job for task, _ in tasks.values() for job in evaluation.jobs(task)]
    off = not stage.runtime.progress
    with tqdm(total=sum(map(len, jobs)), desc=desc, unit="cell", disable=off) as bar:
        fill(evaluation, tasks, stage.runtime, bar.update)
    for job in jobs:
        yield from zip(job, evaluation.outcomes(*tasks[job[0].task], job), strict=True)


def _named(cell: Cell, outcome: Outcome) -> pa.Table:
    """Predictions with the columns that name the cell."""
    table = outcome.predictions
    named = zip(cell._fields, cell, strict=True)
    constant = {key: [str(value)] * len(table) for key, value in named}
    return pa.table({**constant, **dict(zip(table.column_names, table.columns, strict=True))})


def _curve(cell: Cell, outcome: Outcome) -> Iterator[dict[str, Any]]:
    for epoch, step, bits in outcome.curve:
        yield {
            "task": cell.task,
            "strategy": cell.strategy,
            "train_size": outcome.facts["train_size"],
            "seed": cell.seed,
            "epoch": epoch,
            "step": step,
            "bits_per_byte": bits,
        }
