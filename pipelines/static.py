"""Stage static@<corpus>-<model>: train a static representation on a prepared corpus."""

from __future__ import annotations

from polyseme import items, paths, results
from polyseme.config import build
from polyseme.models import base
from polyseme.models.common import artifact
from polyseme.models.common.table import write_words
from polyseme.runtime.stage import Stage, run


def main(stage: Stage) -> None:
    experiment, corpus, name = (stage.args[key] for key in ("experiment", "corpus", "model"))
    values = stage.params["static"][name]
    module = items.load("static", name)
    stage.made_by(module)
    options = build(module.Config, values, file=f"conf/static/{name}.yaml", key=f"static.{name}")
    source = stage.input(paths.corpus(experiment, corpus))
    table, words_seen = module.train(
        options, source, seed=stage.params["seed"], progress=stage.runtime.progress
    )
    out = stage.output(paths.model(experiment, corpus, name))
    card = artifact.card("static", name, values, table, corpus=corpus, words_seen=words_seen)
    base.save(table, out, card)
    write_words(out, table.words)
    artifact.copy_tokenizer(source, out)
    costs = {
        "num_types": len(table.words),
        "num_bytes": table.num_bytes(),
        **table.costs,
    }
    rows = artifact.rows(card, {"train": {"num_types": float(len(table.words))}})
    results.write(out / "results.parquet", rows)
    stage.record["costs"] = costs
    stage.tracker.summary({"words_seen": words_seen, **costs})


if __name__ == "__main__":
    run(main, "experiment", "corpus", "model")
