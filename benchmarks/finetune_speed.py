"""Fine-tuning BERT on SST-2: polyseme against Hugging Face's Trainer, with equal weights and steps.

6,920 sentences, three epochs, batches of 16, two threads, the same pre-trained weights (exported).
The Trainer comes twice: as in the text classification example (every sentence padded to 128 pieces,
float32), and with what it offers for speed (padding to the longest of a batch, batches by length,
bfloat16). Rates and heads are each side's own: the Trainer has a classifier on the first position.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from benchmarks import _report, _sst
from polyseme import paths
from polyseme.exporting.export import export
from polyseme.models import base
from polyseme.runtime.settings import Runtime
from polyseme.strategies import full
from polyseme.tasks.common.prepared import PreparedTask
from polyseme.training.determinism import make_deterministic
from polyseme.transfer.data import live
from polyseme.transfer.evaluate import main_score
from polyseme.transfer.finetune import Cellwise, predict, train

SEEDS, EPOCHS, BATCH, LONGEST = (0, 1, 2), 3, 16, 128
RATE, HEAD_RATE = 1e-3, 1e-2
RUNTIME = Runtime(num_threads=2, progress=False)


def ours(task: PreparedTask, seed: int, scratch: Path) -> tuple[float, float]:
    """Sentences a second, and accuracy on the test split."""
    options = full.Config(
        epochs=EPOCHS, batch_size=BATCH, encoder_lr=RATE, head_lr=HEAD_RATE, num_validations=0
    )
    strategy = full.Strategy(options)
    make_deterministic(RUNTIME)
    representation = strategy.start(base.load(_sst.model()), seed)
    splits = {name: live(representation, task, name, None) for name in task.splits}
    score = partial(main_score, task, splits["valid"])
    given = Cellwise(task.family, len(task.labels), score, RUNTIME, scratch)
    started = time.perf_counter()
    head = train(representation, strategy, splits["train"], splits["valid"], given, seed=seed)
    seconds = time.perf_counter() - started
    representation.eval()
    found = splits["test"].scored(predict(head, splits["test"]), task.names)
    return _rate(task, seconds), task.score(found)["accuracy"]


def theirs(
    task: PreparedTask, seed: int, scratch: Path, exported: Path, *, fast: bool
) -> tuple[float, float]:
    """The same of a Trainer."""
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(RUNTIME.num_threads)
    transformers.set_seed(seed)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(exported, num_labels=2)
    tokenizer = transformers.AutoTokenizer.from_pretrained(exported)
    data = {name: _rows(task, name, tokenizer, padded=not fast) for name in task.splits}
    arguments: dict[str, Any] = {"bf16": True} if fast else {}
    if fast:
        arguments |= {"train_sampling_strategy": "group_by_length"}
    trainer = transformers.Trainer(
        model=model,
        args=transformers.TrainingArguments(
            output_dir=str(scratch), num_train_epochs=EPOCHS, per_device_train_batch_size=BATCH,
            learning_rate=RATE, warmup_steps=130, use_cpu=True, seed=seed, report_to=[],
            save_strategy="no", logging_strategy="no", disable_tqdm=True, **arguments,
        ),
        train_dataset=data["train"],
        data_collator=transformers.DataCollatorWithPadding(tokenizer),
    )  # fmt: skip
    started = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - started
    found = trainer.predict(data["test"])  # by length, too, if training is
    predicted = np.argmax(found.predictions, axis=-1)
    return _rate(task, seconds), float((predicted == found.label_ids).mean())


def _rows(task: PreparedTask, split: str, tokenizer: Any, *, padded: bool) -> list[dict[str, Any]]:
    data = task.splits[split]
    encoded = tokenizer(
        [" ".join(words) for words in data.sentences],
        truncation=True, max_length=LONGEST, padding="max_length" if padded else False,
    )  # fmt: skip
    names = ("input_ids", "attention_mask")
    return [
        {name: encoded[name][i] for name in names} | {"labels": task.index[label]}
        for i, label in enumerate(data.labels)
    ]


def _rate(task: PreparedTask, seconds: float) -> float:
    return EPOCHS * len(task.splits["train"]) / seconds


def main(seeds: tuple[int, ...] = SEEDS) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        task = _sst.prepared(folder / "task")
        export("standard", "wiki", "bert", folder / "exported")
        contestants = {
            "polyseme": lambda seed: ours(task, seed, folder),
            "Trainer, padded to 128, fp32": lambda seed: theirs(
                task, seed, folder / "out", folder / "exported", fast=False
            ),
            "Trainer, by length, bf16": lambda seed: theirs(
                task, seed, folder / "out", folder / "exported", fast=True
            ),
        }
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in contestants}
        for seed in seeds:
            for contestant, run in contestants.items():
                found[contestant].append(run(seed))
    medians = {name: statistics.median(rate for rate, _ in runs) for name, runs in found.items()}
    rows = [
        {
            "contestant": name,
            "sentences_per_second": round(medians[name]),
            "polyseme_is_faster_by": round(medians["polyseme"] / medians[name], 2),
            "accuracy": [round(accuracy, 4) for _, accuracy in runs],
        }
        for name, runs in found.items()
    ]
    _report.write("finetune_speed", rows, model=_sst.card(), corpus=str(paths.dataset("sst")))


if __name__ == "__main__":
    main()
