"""Stage pretrain@<corpus>-<model>: train a language model on a prepared corpus."""

from __future__ import annotations

from polyseme import items, paths, results
from polyseme.config import build
from polyseme.data.tokenizer import WordPieces
from polyseme.data.tokens import TokenStore
from polyseme.models import base
from polyseme.models.common import artifact
from polyseme.runtime.stage import Stage, run
from polyseme.training import history
from polyseme.training.evaluate import evaluate, held_out_batches
from polyseme.training.loop import pretrain


def main(stage: Stage) -> None:
    experiment, corpus, name = (stage.args[key] for key in ("experiment", "corpus", "model"))
    values, seed = stage.params["lm"][name], stage.params["seed"]
    module = items.load("lm", name)
    stage.made_by(module)
    options = build(module.Config, values, file=f"conf/lm/{name}.yaml", key=f"lm.{name}")
    source = stage.input(paths.corpus(experiment, corpus))
    stores = {split: TokenStore.open(source, split) for split in ("train", "valid", "test")}
    model = module.Model(options, WordPieces.load(source / base.TOKENIZER))
    trained = pretrain(
        model,
        options,
        stores,
        seed=seed,
        runtime=stage.runtime,
        scratch=stage.scratch,
        log=lambda values, step: stage.tracker.log(values, step=step),
        world=stage.world,
    )
    if stage.follows:
        return
    model.cpu()
    scores = {
        split: evaluate(model, held_out_batches(model, stores[split], options))
        for split in ("valid", "test")
    }
    out = stage.output(paths.model(experiment, corpus, name))
    card = artifact.card(
        "lm", name, values, model, corpus=corpus, words_seen=trained.words_seen
    ) | {"seed": seed, "steps": trained.step}
    base.save(model, out, card)
    artifact.copy_tokenizer(source, out)
    history.write(out / "history.csv", trained.rows)
    results.write(out / "results.parquet", artifact.rows(card, scores))
    costs = {"num_bytes": model.num_bytes()}
    stage.record["training_seconds"] = round(trained.budget.seconds, 3)
    stage.record["costs"] = costs
    stage.record["shared"] = trained.shared
    stage.record["loss"] = {"predicts": model.predicts, "predictor": model.predictor}
    stage.tracker.summary({"words_seen": trained.words_seen, **costs, **scores["valid"]})


if __name__ == "__main__":
    run(main, "experiment", "corpus", "model", shares=True)
