"""Stage probe@<corpus>-<model>: every probe on every task, trained and with random weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tqdm import tqdm

from polyseme import paths, results
from polyseme.models import base
from polyseme.models.common import artifact
from polyseme.probes.common.evaluate import evaluate
from polyseme.runtime.stage import Stage, run
from polyseme.tasks.common.prepared import PreparedTask, classified
from polyseme.training.determinism import device_of, make_deterministic


def main(stage: Stage) -> None:
    experiment, corpus, name = (stage.args[key] for key in ("experiment", "corpus", "model"))
    params = stage.params
    folder = stage.input(paths.model(experiment, corpus, name))
    names = classified(paths.task(experiment, ""), params["tasks"])
    tasks = [PreparedTask(stage.input(paths.task(experiment, task))) for task in names]
    make_deterministic(stage.runtime)
    card = base.read_card(folder)
    rows = []
    for variant, representation in _variants(card, base.load(folder, device_of(stage.runtime))):
        common = artifact.columns(card) | variant
        chosen = [(probe, task) for probe in params["probe"] for task in tasks]
        for probe, task in tqdm(chosen, desc=name, disable=not stage.runtime.progress):
            values = params["probe"][probe]
            found = evaluate(probe, values, representation, task, seeds=params["seeds"])
            rows += [common | row for row in found]
    out = stage.output(paths.results(experiment, "probe", corpus, name))
    results.write(out / "results.parquet", rows)
    stage.tracker.table("results", out / "results.parquet")


def _variants(
    card: dict[str, Any], representation: base.Representation
) -> Iterator[tuple[dict[str, Any], base.Representation]]:
    """The trained representation, then the same architecture with random weights."""
    yield {}, representation
    if card["family"] == "contextual":
        representation.reset(card["seed"])
        yield {"representation": f"{card['representation']}_init", "words_seen": 0}, representation


if __name__ == "__main__":
    run(main, "experiment", "corpus", "model")
