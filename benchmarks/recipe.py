"""Which recipe makes a language model learn senses in a minute on two cores?

The same masked model on the controlled language, each recipe for the same seconds, in turn; then a
linear probe of the senses by layer, from the labels of task `senses`. The recipe decides: batch
size and optimizer are worth more than size.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from benchmarks import _controlled, _report
from polyseme.config import build
from polyseme.data.tokenizer import WordPieces
from polyseme.data.tokens import TokenStore
from polyseme.models import bert
from polyseme.models.base import TOKENIZER
from polyseme.probes.base import Probed
from polyseme.probes.common.evaluate import evaluate
from polyseme.runtime.settings import Runtime, precision
from polyseme.tasks.common.prepared import PreparedTask
from polyseme.training.evaluate import evaluate as held_out
from polyseme.training.evaluate import held_out_batches
from polyseme.training.loop import pretrain

SECONDS = 60
RECIPES: list[dict[str, Any]] = [
    {"optimizer": "adamw", "lr": 3e-3, "batch_size": 128},
    {"optimizer": "adamw", "lr": 2e-3, "batch_size": 16},
    {"optimizer": "muon", "lr": 3e-3, "batch_size": 128},
    {"optimizer": "muon", "lr": 3e-3, "batch_size": 16},
]


def main() -> None:
    conf = OmegaConf.load(_controlled.ROOT / "conf/lm/bert.yaml").lm.bert
    demo = OmegaConf.load(_controlled.ROOT / "conf/experiment/demo.yaml").lm.bert
    values: Any = OmegaConf.to_container(OmegaConf.merge(conf, demo))
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        _controlled.prepare(corpus, vocab_size=3000)
        task = PreparedTask(_controlled.task("senses", corpus, Path(folder) / "senses"))
        rows = [_run(values, {}, corpus, task, Path(folder) / "none")]
        for number, recipe in enumerate(RECIPES):
            scratch = Path(folder) / f"scratch{number}"
            rows.append(_run(values, recipe, corpus, task, scratch))
            print(rows[-1], flush=True)
    _report.write("recipe", rows, seconds=SECONDS, precision=precision(Runtime()))


def _run(
    values: dict[str, Any],
    recipe: dict[str, Any],
    corpus: Path,
    task: PreparedTask,
    scratch: Path,
) -> dict[str, Any]:
    budget = {"budget": SECONDS if recipe else 0, "budget_unit": "seconds"}
    options = build(bert.Config, values | recipe | budget, file="benchmark")
    model = bert.Model(options, WordPieces.load(corpus / TOKENIZER))
    stores = {split: TokenStore.open(corpus, split) for split in ("train", "valid")}  # type: ignore[arg-type]
    trained = pretrain(
        model,
        options,
        stores,
        seed=0,
        runtime=Runtime(progress=False, checkpoint_seconds=1e9),
        scratch=scratch,
        log=lambda row, step: None,
    )
    loss = held_out(model, held_out_batches(model, stores["valid"], options))["loss"]
    found = list(
        evaluate("linear", {}, Probed(model.eval().encode, task, [0], model.num_layers, model.dim))
    )
    by_layer = {
        layer: statistics.mean(
            r["value"] for r in found
            if r["layer"] == layer and r["metric"] == "accuracy" and not r["control"]
        )
        for layer in sorted({r["layer"] for r in found})
    }  # fmt: skip
    name = "{optimizer}, lr {lr}, batch {batch_size}".format(**recipe) if recipe else "untrained"
    return {
        "recipe": name,
        "steps": trained.step,
        "valid_loss_nats": round(loss, 2),
        "sense_accuracy_by_layer": [round(value, 3) for value in by_layer.values()],
    }


if __name__ == "__main__":
    main()
