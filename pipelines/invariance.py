"""Stage invariance@<corpus>-<model>: checks that must pass before a score counts; latency."""

from __future__ import annotations

from polyseme import paths, results
from polyseme.invariance import battery, latency
from polyseme.models import base
from polyseme.models.common import artifact
from polyseme.runtime.stage import Stage, run
from polyseme.training.determinism import device_of, make_deterministic


def main(stage: Stage) -> None:
    experiment, corpus, name = (stage.args[key] for key in ("experiment", "corpus", "model"))
    make_deterministic(stage.runtime)
    folder = stage.input(paths.model(experiment, corpus, name))
    names = stage.params["tasks"]
    for task in names:
        stage.input(paths.task(experiment, task))
    representation = base.load(folder, device_of(stage.runtime))
    common = artifact.columns(base.read_card(folder))
    found = battery.run(representation, paths.task(experiment, ""), names)
    rows = [common | row for row in found]
    out = stage.output(paths.results(experiment, "invariance", corpus, name))
    results.write(out / "results.parquet", rows, schema=results.CHECK_SCHEMA)
    failed = [f"{row['task']}: {row['metric']}" for row in rows if row["checked"] is False]
    stage.record["failed"] = failed
    stage.tracker.table("results", out / "results.parquet")
    if asked := battery.sentences(paths.task(experiment, ""), names):
        stage.record["latency"] = latency.measure(representation, asked)


if __name__ == "__main__":
    run(main, "experiment", "corpus", "model")
