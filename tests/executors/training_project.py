"""A project with one stage that really trains, slowly, and with nothing around it.

`STAGE` notes the number of each step in `steps`, so that a test can step in between.
`python -m tests.executors.training_project <folder>` is a worker of a sweep of one trial.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from tests.sweeps import toy

from polyseme.data.tokenizer import WordPieces
from polyseme.data.tokens import TokenStore
from polyseme.models import base, bert
from polyseme.runtime import manifest
from polyseme.runtime.settings import Runtime
from polyseme.sweeps import command, jobs, storage, studies
from polyseme.sweeps.worker import Worker
from polyseme.training.loop import pretrain

MODEL = Path("artifacts/toy/model/text/toy")
STEPS = 40
OPTIONS = {
    "dim": 16, "num_layers": 1, "num_heads": 2, "dim_ff": 32, "batch_size": 4, "dropout": 0.1,
    "sequence_length": 16, "budget": STEPS, "budget_unit": "steps", "num_validations": 4,
    "validation_rows": 8,
}  # fmt: skip
RUNTIME = {
    "num_threads": 1, "precision": "fp32", "progress": False, "tracking": "off",
    "checkpoint_seconds": 1e6,
}  # fmt: skip
STAGE = """
import time
from pathlib import Path
from polyseme import paths, results
from polyseme.config import build
from polyseme.models import base, bert
from polyseme.runtime.stage import run
from polyseme.training.pretrain import Pretraining
from tests.executors import training_project as project

step = Pretraining.training_step

def slowly(self, batch, number):
    with Path(NOTES).open("a") as notes:
        notes.write(f"{self.step}\\n")
    time.sleep(0.05)
    return step(self, batch, number)

def main(stage):
    Pretraining.training_step = slowly
    options = build(bert.Config, stage.params["lm"]["toy"], file="test")
    stage.source(Path("artifacts/toy/corpus/text"))
    trained = project.train(options, Path(TOKENIZER), stage.runtime, stage.scratch)
    out = stage.output(paths.model("toy", "text", "toy"))
    base.save_weights(trained.model, out / "weights.safetensors")
    row = {"stage": "pretrain", "metric": "loss", "split": "valid",
           "value": trained.rows[-1]["valid_loss"], "num_parameters": 1}
    results.write(out / "results.parquet", [row])

if __name__ == "__main__":
    run(main, "experiment", "corpus", "model")
"""
DAG = """
vars: [params.yaml]
stages:
  pretrain:
    matrix: {corpus: "${corpora}", model: "${lms}"}
    cmd: python pipelines/pretrain.py ${experiment} ${item.corpus} ${item.model}
    deps: ["artifacts/${experiment}/corpus/${item.corpus}"]
    params: [experiment, "lm.${item.model}"]
    outs:
      - artifacts/${experiment}/model/${item.corpus}/${item.model}
      - artifacts/${experiment}/runs/pretrain-${item.corpus}-${item.model}.json
"""


def train(options: bert.Config, tokenizer: Path, runtime: Runtime, scratch: Path) -> Any:
    """A tiny BERT on random tokens."""
    stores = {name: _store(size) for name, size in (("train", 2000), ("valid", 500))}
    model = bert.Model(options, WordPieces.load(tokenizer))
    return pretrain(
        model, options, stores, seed=3, runtime=runtime, scratch=scratch,
        log=lambda row, step: None,
    )  # fmt: skip


def _store(tokens: int) -> TokenStore:
    random = np.random.default_rng(tokens)
    ids = random.integers(5, 300, tokens).astype(np.uint16)
    flags = random.integers(0, 2, tokens).astype(np.uint8)
    return TokenStore(ids, flags, int((flags == 1).sum()))


def params(executor: dict[str, Any]) -> dict[str, Any]:
    """Of the project."""
    names = {"dataset": {}, "corpus": {}, "task": {}, "corpora": ["text"], "statics": []}
    names |= {"lms": ["toy"], "externals": [], "stacked": [], "tasks": []}
    values = asdict(bert.Config(**OPTIONS))  # type: ignore[arg-type]
    return {"experiment": "toy", "lm": {"toy": values}} | names | {
        "runtime": RUNTIME, "executor": executor,
    }  # fmt: skip


def make(folder: Path, pieces: WordPieces) -> Path:
    """The project, without params.yaml."""
    (folder / "pipelines").mkdir(parents=True)
    pieces.tokenizer.save(str(folder / "tokenizer.json"))
    names = {"NOTES": "steps", "TOKENIZER": "tokenizer.json"}
    stage = STAGE
    for name, file in names.items():
        stage = stage.replace(name, repr(str(folder / file)))
    (folder / "pipelines/pretrain.py").write_text(stage)
    (folder / "dvc.yaml").write_text(DAG)
    corpus = folder / "artifacts/toy/corpus/text"
    corpus.mkdir(parents=True)
    (corpus / "words.txt").write_text("crack bank spring\n")
    return folder


def whole(folder: Path, pieces: WordPieces) -> str:
    """Hash of the weights of a run that nothing interrupts."""
    folder.mkdir()
    pieces.tokenizer.save(str(folder / "tokenizer.json"))
    options, runtime = bert.Config(**OPTIONS), Runtime(**RUNTIME)  # type: ignore[arg-type]
    trained = train(options, folder / "tokenizer.json", runtime, folder / "scratch")
    base.save_weights(trained.model, folder / "weights.safetensors")
    return manifest.sha256(folder / "weights.safetensors")


def work(folder: Path) -> None:
    """Be the worker of a sweep."""
    space = {"lm.toy.lr": {"choices": [bert.Config(**OPTIONS).lr]}}  # type: ignore[arg-type]
    sweep = toy.read(toy.conf(space=space, sampler="grid", trials=1))
    family, values = sweep.families["a"], params({"module": "here"})
    ready = {"a": toy.Toy("a", family, values, tuple(jobs.expand(sweep, family, values)))}
    kept = storage.open_storage(storage.location("toy", ""))
    opened = studies.open_studies("toy", sweep, ready, kept, folder)
    command._work(Worker("toy", sweep, ready, folder), opened)


if __name__ == "__main__":
    work(Path(sys.argv[1]))
