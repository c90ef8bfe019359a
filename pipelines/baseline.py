"""Stage baseline: what can be predicted without any representation."""

from __future__ import annotations

from polyseme import paths, results
from polyseme.baselines.base import evaluate
from polyseme.runtime.stage import Stage, run
from polyseme.tasks.common.prepared import PreparedTask, classified


def main(stage: Stage) -> None:
    experiment, params = stage.args["experiment"], stage.params
    names = classified(paths.task(experiment, ""), params["tasks"])
    tasks = [PreparedTask(stage.input(paths.task(experiment, task))) for task in names]
    rows = [
        row
        for name in params["baseline"]
        for task in tasks
        for row in evaluate(name, task, seeds=params["seeds"])
    ]
    out = stage.output(paths.results(experiment, "baseline"))
    results.write(out / "results.parquet", rows)


if __name__ == "__main__":
    run(main, "experiment")
