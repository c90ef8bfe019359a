"""polyseme's loop and Hugging Face's Trainer on the same rows, for measurements of speed."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
import transformers
from omegaconf import OmegaConf

from polyseme import items
from polyseme.config import build
from polyseme.data import tokenizer
from polyseme.data.tokenizer import WordPieces
from polyseme.data.tokens import TokenStore
from polyseme.runtime.settings import Runtime
from polyseme.training.loop import pretrain
from polyseme.training.options import TrainingOptions

ROOT = Path(__file__).parents[1]
RUNTIME = Runtime()
ROUNDS, STEPS, WARM_UP, ROWS, VOCABULARY = 3, 60, 10, 4096, 8192


def options_of(name: str, **changes: Any) -> tuple[ModuleType, Any]:
    """The module of a language model, and its options as conf/lm/ sets them."""
    module, file = items.load("lm", name), f"conf/lm/{name}.yaml"
    values: Any = OmegaConf.to_container(OmegaConf.load(ROOT / file).lm[name])
    return module, build(module.Config, values | changes, file=file)


def random_ids(options: TrainingOptions) -> np.ndarray:
    """Text without any sense."""
    random = np.random.default_rng(0)
    return random.integers(5, VOCABULARY, ROWS * options.sequence_length).astype(np.uint16)


def take_turns(contestants: dict[str, Callable[[], float]], rounds: int) -> list[dict[str, Any]]:
    """Tokens a second of each, and how much faster the first is: ratios of medians."""
    found: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            found[name].append(run())
    medians = {name: statistics.median(values) for name, values in found.items()}
    first = next(iter(contestants))
    return [
        {
            "contestant": name,
            "tokens_per_second": round(medians[name]),
            f"{first}_is_faster_by": round(medians[first] / medians[name], 2),
            "rounds": [round(value) for value in found[name]],
        }
        for name in contestants
    ]


def _pieces() -> WordPieces:
    made = tokenizer.train(["a b c"], vocab_size=261, lowercase=True, where="benchmark")
    pieces = WordPieces(made)  # any will do: only the size of its vocabulary matters here
    pieces.vocab_size = VOCABULARY
    pieces.byte_lengths = np.ones(VOCABULARY, dtype=np.int64)
    return pieces


def ours(
    name: str, ids: np.ndarray, steps: int, runtime: Runtime = RUNTIME, **changes: Any
) -> float:
    """Tokens a second of polyseme's loop after the warm-up."""
    budget = {"budget": steps, "budget_unit": "steps", "num_validations": 1, "validation_rows": 16}
    module, options = options_of(name, **budget, **changes)
    store = TokenStore(ids, np.ones(len(ids), dtype=np.uint8), len(ids))
    marks: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        pretrain(
            module.Model(options, _pieces()),
            options,
            {"train": store, "valid": store},
            seed=0,
            runtime=replace(runtime, progress=False, checkpoint_seconds=1e9),
            scratch=Path(folder),
            log=lambda row, step: marks.append(time.perf_counter()),
        )
    return _rate(marks, options)


def _rate(marks: list[float], options: TrainingOptions) -> float:
    tokens = (len(marks) - WARM_UP) * options.batch_size * options.sequence_length
    return tokens / (marks[-1] - marks[WARM_UP - 1])


class _Clock(transformers.TrainerCallback):
    def __init__(self) -> None:
        self.marks: list[float] = []

    def on_step_end(self, *_: object, **__: object) -> None:
        self.marks.append(time.perf_counter())


def theirs(
    model: torch.nn.Module,
    options: TrainingOptions,
    ids: np.ndarray,
    collator: Callable[[list[dict[str, torch.Tensor]]], dict[str, torch.Tensor]],
    *,
    steps: int,
    bf16: bool,
    gpu: bool = False,
) -> float:
    """Tokens a second of a Trainer after the warm-up."""
    clock = _Clock()
    batch = options.batch_size
    train(
        model, ids, options, collator, [clock],
        max_steps=steps, bf16=bf16, batch_size=batch, gpu=gpu,
    )  # fmt: skip
    return _rate(clock.marks, options)


def train(
    model: torch.nn.Module,
    ids: np.ndarray,
    options: TrainingOptions,
    collator: Callable[[list[dict[str, torch.Tensor]]], dict[str, torch.Tensor]],
    callbacks: list[transformers.TrainerCallback],
    *,
    max_steps: int,
    bf16: bool,
    batch_size: int,
    gpu: bool = False,
) -> None:
    """A Trainer at its defaults, but for what is named here."""
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(Runtime().num_threads)
    rows = torch.from_numpy(ids.astype(np.int64)).view(-1, options.sequence_length)
    with tempfile.TemporaryDirectory() as folder:
        arguments = transformers.TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=batch_size,
            max_steps=max_steps,
            use_cpu=not gpu,
            bf16=bf16,
            report_to=[],
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
        )
        transformers.Trainer(
            model=model,
            args=arguments,
            train_dataset=[{"input_ids": row} for row in rows],
            data_collator=collator,
            callbacks=callbacks,
        ).train()


class MaskingCollator:
    """DataCollatorForLanguageModeling's masking on ready-made ids."""

    def __init__(self, ratio: float) -> None:
        self.ratio = ratio

    def __call__(self, rows: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
        ids = torch.stack([row["input_ids"] for row in rows])
        labels, chosen = ids.clone(), torch.rand(ids.shape) < self.ratio
        labels[~chosen] = -100
        ids = torch.where(chosen, torch.full_like(ids, 4), ids)
        return {"input_ids": ids, "labels": labels}


def causal_collator(rows: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """DataCollatorForLanguageModeling without masks: the model shifts the labels itself."""
    ids = torch.stack([row["input_ids"] for row in rows])
    return {"input_ids": ids, "labels": ids.clone()}


def roberta(options: Any, vocab_size: int, *, divisor: int = 1) -> torch.nn.Module:
    """A masked language model of bert's shape, or of one that is `divisor` times narrower."""
    config = transformers.RobertaPreLayerNormConfig(
        vocab_size=vocab_size,
        hidden_size=options.dim // divisor,
        num_hidden_layers=options.num_layers,
        num_attention_heads=options.num_heads // divisor,
        intermediate_size=options.dim_ff // divisor,
        max_position_embeddings=options.max_length + 2,
        type_vocab_size=1,
    )
    return transformers.RobertaPreLayerNormForMaskedLM(config)


def gpt2(options: Any, vocab_size: int) -> torch.nn.Module:
    """A causal language model of gpt's shape."""
    config = transformers.GPT2Config(
        vocab_size=vocab_size,
        n_positions=options.max_length,
        n_embd=options.dim,
        n_layer=options.num_layers,
        n_head=options.num_heads,
        n_inner=options.dim_ff,
    )
    return transformers.GPT2LMHeadModel(config)
