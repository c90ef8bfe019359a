"""Stage external@<corpus>-<name>: a representation that was trained elsewhere."""

from __future__ import annotations

from polyseme import items, paths, results
from polyseme.config import build
from polyseme.data.fetch import mirror_folder
from polyseme.models import base
from polyseme.models.common import artifact
from polyseme.models.common.table import Table
from polyseme.models.external.common.source import Bring
from polyseme.runtime.stage import Stage, run


def main(stage: Stage) -> None:
    experiment, corpus, name = (stage.args[key] for key in ("experiment", "corpus", "model"))
    values = stage.params["external"][name]
    module = items.load("external", values["module"])
    stage.made_by(module)
    key = f"external.{name}"
    options = build(module.Config, values, file=f"conf/external/{name}.yaml", key=key)
    kept = paths.SCRATCH / "external" / name
    bring = Bring(name, kept, mirror_folder(), stage.runtime.progress)
    out = stage.output(paths.model(experiment, corpus, name))
    representation = module.read(options, bring, out)
    card = artifact.card(
        "external",
        name,
        values,
        representation,
        corpus=corpus,
        words_seen=options.words_seen,
        module=values["module"],
    ) | {"seed": stage.params["seed"], "licence": options.licence}
    base.save(representation, out, card)
    costs = {"num_bytes": representation.num_bytes()}
    scores: dict[str, dict[str, float]] = {}
    if isinstance(representation, Table):
        costs["num_types"] = len(representation.words)
        scores["train"] = {name: float(number) for name, number in costs.items()}
    results.write(out / "results.parquet", artifact.rows(card, scores))
    stage.record["costs"] = costs
    stage.tracker.summary({"num_parameters": card["num_parameters"]})


if __name__ == "__main__":
    run(main, "experiment", "corpus", "model")
