"""Stage probe@<corpus>-<model>: every probe on every task, trained and with random weights."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from tqdm import tqdm

from polyseme import items, paths, results
from polyseme.models import base
from polyseme.models.common import artifact
from polyseme.probes.base import Probed
from polyseme.probes.common.evaluate import evaluate
from polyseme.runtime.stage import Stage, run
from polyseme.tasks.common.prepared import PreparedTask, labelled
from polyseme.training.determinism import device_of, make_deterministic
from polyseme.transfer.features import FeatureCache
from polyseme.transfer.identity import identity_of, runtime_of_cell


def main(stage: Stage) -> None:
    experiment, corpus, name = (stage.args[key] for key in ("experiment", "corpus", "model"))
    params = stage.params
    folder = stage.input(paths.model(experiment, corpus, name))
    names = labelled(paths.task(experiment, ""), params["tasks"])
    tasks = [PreparedTask(stage.input(paths.task(experiment, task))) for task in names]
    runtime = runtime_of_cell(stage.runtime)
    make_deterministic(runtime)
    device = device_of(runtime)
    card = base.read_card(folder)
    module = items.load(card["group"], card["module"])
    identity = identity_of(
        stage.inputs[folder.as_posix()],
        module,
        {"numerics": params["numerics"]} | getattr(module, "identity", dict)(),
        runtime,
    )
    rows: list[dict[str, Any]] = []
    kept: list[dict[str, Any]] = []
    for variant, representation in _variants(card, base.load(folder, device)):
        common = artifact.columns(card) | variant
        cache = FeatureCache(identity | {"variant": variant}, runtime.feature_cache_bytes)
        encode = partial(cache.encode, partial(_same, representation))
        shape = representation.num_layers, representation.dim
        answers: list[dict[str, Any]] = []
        chosen = [(probe, task) for probe in params["probe"] for task in tasks]
        for probe, task in tqdm(chosen, desc=name, disable=not stage.runtime.progress):
            values = params["probe"][probe]
            probed = Probed(encode, task, params["seeds"], *shape, device)
            found = evaluate(probe, values, probed, answers.append)
            rows += [common | row for row in found]
        kept += [{"representation": common["representation"]} | answer for answer in answers]
    out = stage.output(paths.results(experiment, "probe", corpus, name))
    results.write(out / "results.parquet", rows)
    results.write(out / "items.parquet", kept, schema=results.PROBED_SCHEMA)
    stage.tracker.table("results", out / "results.parquet")


def _same(representation: base.Representation) -> base.Representation:
    return representation


def _variants(
    card: dict[str, Any], representation: base.Representation
) -> Iterator[tuple[dict[str, Any], base.Representation]]:
    """The trained representation, then the same architecture with random weights."""
    yield {}, representation
    if card["family"] == "contextual":
        device = next(representation.parameters()).device
        representation.cpu().reset(card["seed"])  # the same draws whatever the device
        representation.to(device)
        yield {"representation": f"{card['representation']}_init", "words_seen": 0}, representation


if __name__ == "__main__":
    run(main, "experiment", "corpus", "model")
