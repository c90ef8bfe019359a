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


def main(stage: Stage) -> None:
    experiment, corpus, name = (stage.args[key] for key in ("experiment", "corpus", "model"))
    params = stage.params
    folder = stage.input(paths.model(experiment, corpus, name))
    task_root = paths.task(experiment, "")
    inputs = {task: stage.input(task_root / task) for task in params["tasks"]}
    make_deterministic(stage.runtime)
    card = base.read_card(folder)
    module = items.load(card["group"], card["module"])
    evaluation = Evaluation(
        partial(base.load, folder, device_of(stage.runtime)),
        stage.inputs[folder.as_posix()],
        module,
        params["strategy"],
        seeds=params["seeds"],
        train_sizes=params["train_sizes"],
        identity={"numerics": params["numerics"]} | getattr(module, "identity", dict)(),
        runtime=stage.runtime,
        scratch=stage.scratch,
    )
    common = artifact.columns(card)
    rows: list[dict[str, Any]] = []
    predictions, seconds = [], {}
    names = trainable(task_root, params["tasks"])
    tasks = [PreparedTask(inputs[task]) for task in names]
    total = sum(len(list(evaluation.cells(task))) for task in tasks)
    with tqdm(total=total, desc=name, unit="cell", disable=not stage.runtime.progress) as bar:
        for task in tasks:
            digest = stage.inputs[inputs[task.name].as_posix()]
            for cell, outcome in evaluation.run(task, digest, bar.update):
                rows += rows_of(cell, outcome, common)
                seconds[cell.key] = round(outcome.seconds, 3)
                keys = zip(cell._fields, cell, strict=True)
                constant = {key: [str(value)] * len(outcome.predictions) for key, value in keys}
                predictions.append(pa.table({**constant, **dict(_columns(outcome.predictions))}))
    out = stage.output(paths.results(experiment, "finetune", corpus, name))
    results.write(out / "results.parquet", rows)
    pq.write_table(pa.concat_tables(predictions), out / "predictions.parquet")
    stage.record["row_seconds"] = seconds
    stage.tracker.table("results", out / "results.parquet")


def _columns(table: pa.Table) -> list[tuple[str, pa.ChunkedArray]]:
    return list(zip(table.column_names, table.columns, strict=True))


if __name__ == "__main__":
    run(main, "experiment", "corpus", "model")
