"""Stage task@<task>: a labelled source to Parquet splits in one form."""

from __future__ import annotations

from pathlib import Path

from polyseme import items, paths
from polyseme.config import build
from polyseme.runtime.stage import Stage, run
from polyseme.tasks import base
from polyseme.tasks.families.base import get, is_trainable


def main(stage: Stage) -> None:
    name = stage.args["task"]
    values = stage.params["task"][name]
    module = items.load("task", values["module"])
    options = build(module.Config, values, file=f"conf/task/{name}.yaml", key=f"task.{name}")
    source = stage.source(Path(options.source))
    splits = module.prepare(options, source)
    out = stage.output(paths.task(stage.args["experiment"], name))
    card = {"name": name, "family": module.FAMILY, "source": options.source}
    if is_trainable(module.FAMILY):
        base.require_splits(splits, task=name)
        card["main_metric"] = getattr(module, "MAIN_METRIC", get(module.FAMILY).main_metric)
    if hasattr(module, "facts"):
        card |= module.facts(options, source)
    base.write(out, splits, card)
    stage.tracker.summary({f"items/{split}": len(data) for split, data in splits.items()})


if __name__ == "__main__":
    run(main, "experiment", "task")
