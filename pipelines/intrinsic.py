"""Stage intrinsic@<corpus>-<model>: measures that train nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tqdm import tqdm

from polyseme import items, paths, results
from polyseme.config import build
from polyseme.intrinsic.base import Material
from polyseme.models import base
from polyseme.models.common import artifact
from polyseme.runtime.stage import Stage, run
from polyseme.training.determinism import device_of, make_deterministic


def main(stage: Stage) -> None:
    experiment, corpus, name = (stage.args[key] for key in ("experiment", "corpus", "model"))
    make_deterministic(stage.runtime)
    folder = stage.input(paths.model(experiment, corpus, name))
    representation = base.load(folder, device_of(stage.runtime))
    common = artifact.columns(base.read_card(folder)) | {"stage": "intrinsic"}
    out = stage.output(paths.results(experiment, "intrinsic", corpus, name))
    rows = []
    chosen = list(_chosen(stage, experiment, corpus))
    for measure, material in tqdm(chosen, desc=name, disable=not stage.runtime.progress):
        module = items.load("intrinsic", measure)
        values, file = stage.params["intrinsic"][measure], f"conf/intrinsic/{measure}.yaml"
        options = build(module.Config, values, file=file, key=f"intrinsic.{measure}")
        found = module.measure(options, representation, material)
        rows += [{**common, "task": material.name, **row} for row in found]
        if hasattr(module, "details"):
            details: Any = module.details(options, representation, material)
            text = json.dumps(details, indent=1, sort_keys=True) + "\n"
            (out / f"{material.name}.json").write_text(text, encoding="utf-8")
        if hasattr(module, "kept"):
            kept = list(module.kept(options, representation, material))
            if kept:
                results.write_items(out / paths.items_of(measure, material.name), kept)
    results.write(out / "results.parquet", rows)
    stage.tracker.table("results", out / "results.parquet")


def _chosen(stage: Stage, experiment: str, corpus: str) -> Iterator[tuple[str, Material]]:
    """Selected measures and what each measures, in the order of the tasks."""
    source = stage.input(paths.corpus(experiment, corpus))
    folders = [stage.input(paths.task(experiment, task)) for task in stage.params["tasks"]]
    materials = [Material(source, folder, folder.name) for folder in folders]
    for measure in stage.params["intrinsic"]:
        families = items.load("intrinsic", measure).FAMILIES
        if not families:
            yield measure, Material(source, None, measure)
        yield from ((measure, m) for m in materials if m.card["family"] in families)


if __name__ == "__main__":
    run(main, "experiment", "corpus", "model")
