"""BERT pre-training against Hugging Face's Trainer: same architecture, data, batch and machine.

Three contestants take turns, some rounds: polyseme's loop as conf/lm/bert.yaml sets it, a
RoBERTa-PreLayerNorm of the same shape in a Trainer at its defaults, and the same with bf16 on.
Tokens a second are those of the steps after the warm-up; the table gives ratios of medians.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from omegaconf import OmegaConf

from benchmarks import _report
from polyseme.config import build
from polyseme.data import tokenizer
from polyseme.data.tokenizer import WordPieces
from polyseme.data.tokens import TokenStore
from polyseme.models import bert
from polyseme.runtime.settings import Runtime, precision
from polyseme.training.loop import pretrain

ROUNDS, STEPS, WARM_UP, ROWS = 3, 60, 10, 4096
ROOT = Path(__file__).parents[1]


def main() -> None:
    values: Any = OmegaConf.to_container(OmegaConf.load(ROOT / "conf/lm/bert.yaml").lm.bert)
    values["positions"] = "learned"  # as RoBERTa-PreLayerNorm has them
    options = build(bert.Config, values, file="conf/lm/bert.yaml")
    random = np.random.default_rng(0)
    ids = random.integers(5, 8192, ROWS * options.sequence_length).astype(np.uint16)
    contestants = {
        "polyseme": lambda: ours(options, ids),
        "Trainer, defaults": lambda: theirs(options, ids, bf16=False),
        "Trainer, bf16": lambda: theirs(options, ids, bf16=True),
    }
    found: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(ROUNDS):
        for name, run in contestants.items():
            found[name].append(run())
    medians = {name: statistics.median(values) for name, values in found.items()}
    rows = [
        {
            "contestant": name,
            "tokens_per_second": round(medians[name]),
            "polyseme_is_faster_by": round(medians["polyseme"] / medians[name], 2),
            "rounds": [round(value) for value in found[name]],
        }
        for name in contestants
    ]
    _report.write("bert_speed", rows, polyseme_precision=precision(Runtime()), steps=STEPS)


def _pieces() -> WordPieces:
    made = tokenizer.train(["a b c"], vocab_size=261, lowercase=True, where="benchmark")
    pieces = WordPieces(made)  # any will do: only the size of its vocabulary matters here
    pieces.vocab_size = 8192
    pieces.byte_lengths = np.ones(8192, dtype=np.int64)
    return pieces


def ours(options: bert.Config, ids: np.ndarray) -> float:
    flags = np.ones(len(ids), dtype=np.uint8)
    store = TokenStore(ids, flags, len(ids))
    values = {f: getattr(options, f) for f in options.__dataclass_fields__}
    values |= {"budget": STEPS, "budget_unit": "steps", "num_validations": 1, "validation_rows": 16}
    marks: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        pretrain(
            bert.Model(bert.Config(**values), _pieces()),
            bert.Config(**values),
            {"train": store, "valid": store},
            seed=0,
            runtime=Runtime(progress=False, checkpoint_seconds=1e9),
            scratch=Path(folder),
            log=lambda row, step: marks.append(time.perf_counter()),
        )
    seconds = marks[-1] - marks[WARM_UP - 1]
    return (STEPS - WARM_UP) * options.batch_size * options.sequence_length / seconds


class _Clock(transformers.TrainerCallback):
    def __init__(self) -> None:
        self.marks: list[float] = []

    def on_step_end(self, *_: object, **__: object) -> None:
        self.marks.append(time.perf_counter())


class _Collator:
    """DataCollatorForLanguageModeling's masking on ready-made ids."""

    def __init__(self, ratio: float) -> None:
        self.ratio = ratio

    def __call__(self, rows: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
        ids = torch.stack([row["input_ids"] for row in rows])
        labels, chosen = ids.clone(), torch.rand(ids.shape) < self.ratio
        labels[~chosen] = -100
        ids = torch.where(chosen, torch.full_like(ids, 4), ids)
        return {"input_ids": ids, "labels": labels}


def theirs(options: bert.Config, ids: np.ndarray, *, bf16: bool) -> float:
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(Runtime().num_threads)
    config = transformers.RobertaPreLayerNormConfig(
        vocab_size=8192,
        hidden_size=options.dim,
        num_hidden_layers=options.num_layers,
        num_attention_heads=options.num_heads,
        intermediate_size=options.dim_ff,
        max_position_embeddings=options.max_length + 2,
        type_vocab_size=1,
    )
    rows = torch.from_numpy(ids.astype(np.int64)).view(-1, options.sequence_length)
    clock = _Clock()
    with tempfile.TemporaryDirectory() as folder:
        arguments = transformers.TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=options.batch_size,
            max_steps=STEPS,
            use_cpu=True,
            bf16=bf16,
            report_to=[],
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
        )
        transformers.Trainer(
            model=transformers.RobertaPreLayerNormForMaskedLM(config),
            args=arguments,
            train_dataset=[{"input_ids": row} for row in rows],
            data_collator=_Collator(options.mask_ratio),
            callbacks=[clock],
        ).train()
    seconds = clock.marks[-1] - clock.marks[WARM_UP - 1]
    return (STEPS - WARM_UP) * options.batch_size * options.sequence_length / seconds


if __name__ == "__main__":
    main()
