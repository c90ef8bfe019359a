"""Stage finetune@<corpus>-<model>: tasks x strategies x label budgets x seeds."""

from __future__ import annotations

from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from polyseme import items, paths, results
from polyseme.models import base
from polyseme.models.common import artifact
from polyseme.runtime.stage import Stage, run
from polyseme.tasks.common.prepared import PreparedTask, trainable
from polyseme.training.determinism import device_of, make_deterministic
from polyseme.transfer.evaluate import Evaluation, rows_of
from polyseme.transfer.workers import fill, runtime_of_cell


def main(stage: Stage) -> None:
    experiment, corpus, name = (stage.args[key] for key in ("experiment", "corpus", "model"))
    params = stage.params
    folder = stage.input(paths.model(experiment, corpus, name))
    task_root = paths.task(experiment, "")
    inputs = {task: stage.input(task_root / task) for task in params["tasks"]}
    runtime = runtime_of_cell(stage.runtime)
    make_deterministic(runtime)
    card = base.read_card(folder)
    module = items.load(card["group"], card["module"])
    evaluation = Evaluation(
        partial(base.load, folder, device_of(runtime)),
        stage.inputs[folder.as_posix()],
        module,
        params["strategy"],
        seeds=params["seeds"],
        train_sizes=params["train_sizes"],
        identity={"numerics": params["numerics"]} | getattr(module, "identity", dict)(),
        runtime=runtime,
        scratch=stage.scratch,
    )
    common = artifact.columns(card)
    rows: list[dict[str, Any]] = []
    predictions, seconds = [], {}
    tasks = {
        task: (PreparedTask(inputs[task]), stage.inputs[inputs[task].as_posix()])
        for task in trainable(task_root, params["tasks"])
    }
    jobs = [job for task, _ in tasks.values() for job in evaluation.jobs(task)]
    off = not stage.runtime.progress
    with tqdm(total=sum(map(len, jobs)), desc=name, unit="cell", disable=off) as bar:
        fill(evaluation, tasks, stage.runtime, bar.update)
    found = (
        pair
        for job in jobs
        for pair in zip(job, evaluation.outcomes(*tasks[job[0].task], job), strict=True)
    )
    for cell, outcome in found:
        rows += rows_of(cell, outcome, common)
        seconds[cell.key] = round(outcome.seconds, 3)
        constant = {
            key: [str(value)] * len(outcome.predictions)
            for key, value in zip(cell._fields, cell, strict=True)
        }
        predictions.append(pa.table({**constant, **dict(_columns(outcome.predictions))}))
    out = stage.output(paths.results(experiment, "finetune", corpus, name))
    results.write(out / "results.parquet", rows)
    pq.write_table(pa.concat_tables(predictions), out / "predictions.parquet")
    stage.record["row_seconds"] = seconds
    stage.record["refused"] = evaluation.refused
    stage.tracker.table("results", out / "results.parquet")


def _columns(table: pa.Table) -> list[tuple[str, pa.ChunkedArray]]:
    return list(zip(table.column_names, table.columns, strict=True))


if __name__ == "__main__":
    run(main, "experiment", "corpus", "model")
