"""Stage intrinsic@<corpus>-<model>: measures that train nothing."""

from __future__ import annotations

import json
from typing import Any

from polyseme import items, paths, results
from polyseme.models import base
from polyseme.models.common import artifact
from polyseme.models.common.vocabulary import frequent
from polyseme.runtime.stage import Stage, run
from polyseme.tasks import base as tasks
from polyseme.training.determinism import device_of, make_deterministic

CANDIDATE_COUNT = 2


def main(stage: Stage) -> None:
    experiment, corpus, name = (stage.args[key] for key in ("experiment", "corpus", "model"))
    make_deterministic(stage.runtime)
    vocabulary = frequent(stage.input(paths.corpus(experiment, corpus)), CANDIDATE_COUNT)
    folder = stage.input(paths.model(experiment, corpus, name))
    representation = base.load(folder, device_of(stage.runtime))
    common = artifact.columns(base.read_card(folder)) | {"stage": "intrinsic"}
    measures, rows = items.available("intrinsic"), []
    details: dict[str, Any] = {}
    for task in stage.params["tasks"]:
        source = stage.input(paths.task(experiment, task))
        family = tasks.read_card(source)["family"]
        if family in measures:
            module, split = items.load("intrinsic", family), tasks.read(source, "test")
            found = module.measure(representation, split, vocabulary)
            rows += [{**common, "task": task, **row} for row in found]
            if hasattr(module, "details"):
                details[task] = module.details(representation, split, vocabulary)
    out = stage.output(paths.results(experiment, "intrinsic", corpus, name))
    for task, found in details.items():
        text = json.dumps(found, indent=1, sort_keys=True) + "\n"
        (out / f"{task}.json").write_text(text, encoding="utf-8")
    results.write(out / "results.parquet", rows)
    stage.tracker.table("results", out / "results.parquet")


if __name__ == "__main__":
    run(main, "experiment", "corpus", "model")
