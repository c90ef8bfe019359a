"""Stage task@<task>: a labelled source to Parquet splits in one form."""

from __future__ import annotations

from pathlib import Path

from polyseme import paths
from polyseme.runtime.stage import Stage, run
from polyseme.tasks import base
from polyseme.tasks.common import preparation


def main(stage: Stage) -> None:
    name = stage.args["task"]
    task = preparation.configured(name, stage.params["task"][name])
    splits, card = preparation.prepare(task, stage.source(Path(task.options.source)))
    base.write(stage.output(paths.task(stage.args["experiment"], name)), splits, card)
    stage.tracker.summary({f"items/{split}": len(data) for split, data in splits.items()})


if __name__ == "__main__":
    run(main, "experiment", "task")
