"""Trainings that processes share in tests; apart, because each process imports this file anew."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from polyseme.data.tokenizer import WordPieces
from polyseme.data.tokens import TokenStore
from polyseme.models import awd_lstm, bert, electra, elmo, gpt, gpt_bert
from polyseme.models.common.language_model import Losses
from polyseme.runtime import preempt
from polyseme.runtime.settings import Runtime
from polyseme.training.evaluate import held_out_batches
from polyseme.training.loop import Job, train
from polyseme.training.pretrain import Pretraining
from polyseme.training.processes import Group

NUM_STEPS = 12
STEPS = {"batch_size": 7, "sequence_length": 16, "budget": NUM_STEPS, "budget_unit": "steps",
         "num_validations": 3, "validation_rows": 8}  # fmt: skip
TRANSFORMER = {"dim": 16, "num_layers": 2, "num_heads": 2, "dim_ff": 32}
NO_DROPOUT = {f"{n}_dropout": 0.0 for n in ("embedding", "input", "hidden", "weight", "output")}
NTASGD = {"optimizer": "ntasgd", "ntasgd_patience": 1, "num_validations": NUM_STEPS, "lr": 30.0}
MODELS: dict[str, tuple[Any, dict[str, Any]]] = {
    "gpt": (gpt, TRANSFORMER),
    "bert": (bert, TRANSFORMER | {"optimizer": "adamw"}),
    "electra": (electra, TRANSFORMER),
    "gpt_bert": (gpt_bert, TRANSFORMER | {"masked_share": 0.6, "mask_words": True}),
    "awd_lstm": (awd_lstm, NO_DROPOUT | NTASGD | {"dim": 8, "hidden_dim": 12, "num_layers": 2,
                 "restart": 0.3}),
    "elmo": (elmo, {"dim": 8, "cell_dim": 12, "dropout": 0.0, "character_dim": 4,
                    "filters": ((1, 4), (3, 8)), "optimizer": "adamw"}),
}  # fmt: skip


class StopError(Exception):
    """A process was told to train no further."""


class Recorder(gpt.Model):
    """Writes down the rows that it has been trained on, and stops or dies where it is told to."""

    seen: Path | None = None
    stop: int | None = None
    dies: int | None = None
    preempted: int | None = None
    taken = 0

    def losses(self, batch: dict[str, Tensor]) -> Losses:
        if self.training:
            self.rows = batch["ids_BS"]
            if self.taken == self.stop:
                raise StopError
            if self.taken == self.dies and torch.distributed.get_rank():
                os.kill(os.getpid(), signal.SIGKILL)
            if self.taken == self.preempted and not torch.distributed.get_rank():
                os.kill(os.getpid(), preempt.SIGNAL)
        return super().losses(batch)

    def step_taken(self) -> list[Tensor]:
        self.taken += 1
        if self.seen:
            with (self.seen / str(os.getpid())).open("ab") as stream:
                stream.write(self.rows.numpy().astype("<u2").tobytes())
        return super().step_taken()


def store(tokens: int, seed: int = 0) -> TokenStore:
    random = np.random.default_rng(seed)
    flags = random.choice([0, 1, 1, 2], tokens).astype(np.uint8)
    return TokenStore(random.integers(5, 300, tokens).astype(np.uint16), flags, tokens // 2)


def options_of(name: str) -> Any:
    module, values = MODELS[name]
    return module.Config(**(STEPS | values))


def job_of(
    name: str, strategy: str, pieces: WordPieces, scratch: Path, precision: str = "fp32",
    **recorded: Any,
) -> Job:  # fmt: skip
    options = options_of(name)
    model = Recorder(options, pieces) if recorded else MODELS[name][0].Model(options, pieces)
    for key, value in recorded.items():
        setattr(model, key, value)
    runtime = Runtime(
        num_threads=1, precision=precision, progress=False,  # type: ignore[arg-type]
        checkpoint_seconds=1e-6, strategy=strategy,  # type: ignore[arg-type]
    )  # fmt: skip
    validation = held_out_batches(model, store(500, 1), options)
    return Job(model, options, store(2000), validation, 3, runtime, scratch)


class Forgetting(Job):
    """A job whose last checkpoint is lost before it begins."""

    def forget(self) -> None:
        (note,) = (self.scratch / "checkpoints").glob(f"{NUM_STEPS:09d}.json")
        note.unlink()


class Trained(NamedTuple):
    """What a training leaves."""

    rows: list[dict[str, Any]]
    weights: list[Tensor]
    shared: list[dict[str, Any]]


def run(job: Job, group: Group) -> Trained | None:
    """Train; None where it was told to stop before the end."""
    try:
        return left_by(train(job, group, _no_log))
    except StopError:
        return None


def left_by(module: Pretraining) -> Trained:
    weights = [weight.detach().clone() for weight in module.model.parameters()]
    return Trained(module.rows, weights, module.shared)


def follow_all(group: Group, jobs: list[Job]) -> None:
    for job in jobs:
        run(job, group)


def _no_log(row: Mapping[str, float], step: int) -> None:
    pass
