"""The loop around a pre-training step: resume, validate, checkpoint, show progress."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from tqdm import tqdm

from polyseme.data.tokens import TokenStore
from polyseme.errors import ConfigError, NumericsError, PreemptedError
from polyseme.models.common.language_model import LanguageModel
from polyseme.runtime.settings import Runtime
from polyseme.training import checkpoint
from polyseme.training import optimizers as optim
from polyseme.training.batches import Rows, Streams
from polyseme.training.budget import Budget
from polyseme.training.determinism import make_deterministic
from polyseme.training.evaluate import evaluate, held_out_batches
from polyseme.training.options import TrainingOptions
from polyseme.training.preempt import Preemption
from polyseme.training.pretrain import Pretraining, Steps
from polyseme.training.processes import Group, together
from polyseme.training.trainer import make_trainer

Log = Callable[[Mapping[str, float], int], None]


class Resume(Callback):
    """Continue where the newest whole checkpoint stands."""

    def __init__(self, checkpoints: checkpoint.Checkpoints) -> None:
        self.checkpoints = checkpoints
        self.found = checkpoints.newest()

    def continue_from_checkpoint(self, module: Pretraining) -> None:
        """Set the step of the newest whole checkpoint.

        Lightning asks for the first batch before it calls on_train_start, so this comes before.
        """
        if self.found:
            module.step, module.words_seen = self.found.step, self.found.facts["words_seen"]
            module.rows = self.found.facts["rows"]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Restore weights and optimizers, which exist only now."""
        module = _own(pl_module)
        if self.found:
            checkpoint.restore(self.found.tensors, module.model, module.raw_optimizers())
        module.budget.start(self.found.facts["seconds"] if self.found else 0.0)


class Loop(Resume):
    """What happens between two optimizer steps, in the first process."""

    def __init__(
        self,
        checkpoints: checkpoint.Checkpoints,
        validation: list[dict[str, Tensor]],
        runtime: Runtime,
        log: Log,
    ) -> None:
        super().__init__(checkpoints)
        self.validation, self.runtime, self.emit = validation, runtime, log
        self.saved_at = time.monotonic()
        self.num_validated = 0
        self.bar: Any = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Continue, and show the progress."""
        super().on_train_start(trainer, pl_module)
        module = _own(pl_module)
        if self.found:
            print(f"continuing at step {self.found.step}", file=sys.stderr)
        self.num_validated = self._due(module)
        self.bar = tqdm(
            total=module.budget.num_steps,
            initial=module.step,
            desc="pre-training",
            unit="step",
            disable=not self.runtime.progress,
            mininterval=2.0,
        )

    def _due(self, module: Pretraining) -> int:
        return int(module.budget.progress(module.step) * module.options.num_validations + 1e-9)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, *_: Any, **__: Any
    ) -> None:
        """Note, validate and save where it is time to."""
        module = _own(pl_module)
        self.bar.update()
        due = self._due(module)
        if due > self.num_validated:
            self.num_validated = due
            self._validate(module)
        if module.rows and module.rows[-1]["step"] == module.step:
            row = {k: v for k, v in module.rows[-1].items() if k != "step"}
            self.emit(row, module.step)
        if time.monotonic() - self.saved_at > self.runtime.checkpoint_seconds:
            self._save(module)

    def _validate(self, module: Pretraining) -> None:
        optimizers = module.raw_optimizers()
        with optim.averaged(optimizers):
            found = evaluate(module.model, self.validation)
        values = {f"valid_{k}": found[k] for k in ("loss", "bits_per_byte", "perplexity")}
        if not module.rows or module.rows[-1]["step"] != module.step:
            module.rows.append({"step": module.step, "words_seen": module.words_seen})
        module.rows[-1] |= values
        losses = [row["valid_loss"] for row in module.rows if "valid_loss" in row]
        optim.watch(optimizers, losses)
        self.bar.set_postfix(bits_per_byte=f"{found['bits_per_byte']:.3f}")

    def _save(self, module: Pretraining) -> None:
        facts = {
            "words_seen": module.words_seen,
            "rows": module.rows,
            "seconds": module.budget.seconds,
        }
        tensors = checkpoint.collect(module.model, module.raw_optimizers())
        self.checkpoints.save(module.step, tensors, facts)
        self.saved_at = time.monotonic()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Keep the last good state: a step that is not finite has not been taken."""
        module = _own(pl_module)
        if isinstance(exception, NumericsError | PreemptedError) and _finite(module):
            self._save(module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep averaged weights where there are some; close the bar."""
        optim.finish(_own(pl_module).raw_optimizers())
        self.bar.close()


def _own(module: LightningModule) -> Pretraining:
    if not isinstance(module, Pretraining):
        raise TypeError(f"{type(module).__name__} is not Pretraining")
    return module


def _finite(module: Pretraining) -> bool:
    return all(bool(torch.isfinite(w).all()) for w in module.model.parameters())


class Job(NamedTuple):
    """What every process needs to train."""

    model: LanguageModel
    options: TrainingOptions
    store: TokenStore
    seed: int
    runtime: Runtime
    scratch: Path
    goes_on: bool = False

    def checkpoints(self) -> checkpoint.Checkpoints:
        """Those of the run."""
        return checkpoint.Checkpoints(self.scratch / "checkpoints")


def pretrain(
    model: LanguageModel,
    options: TrainingOptions,
    stores: Mapping[str, TokenStore],
    *,
    seed: int,
    runtime: Runtime,
    scratch: Path,
    log: Log,
    goes_on: bool = False,
) -> Pretraining:
    """Train a language model within its budget, or continue to.

    Args:
        stores: tokens of the splits `train` and `valid`.
        seed: of initial weights, order of rows and hidden positions.
        scratch: checkpoints; the same folder continues the same run.
        log: receives the rows of the history as they come.
        goes_on: from the weights as they are, instead of random ones.

    Returns:
        The module: `model` trained in place, history in `rows`, `step`, `words_seen`.

    Raises:
        ConfigError: a budget in seconds, or fewer rows than processes, for several processes.
    """
    _check(options, runtime.num_processes)
    job = Job(model, options, stores["train"], seed, runtime, scratch, goes_on)
    validation = held_out_batches(model, stores["valid"], options)
    with together(runtime.num_processes, _follow, job) as group:
        return _train(job, group, Loop(job.checkpoints(), validation, runtime, log))


def _check(options: TrainingOptions, num_processes: int) -> None:
    where, mend = "runtime.num_processes", "set it to 1"
    if num_processes > options.batch_size:
        raise ConfigError(f"more than batch_size = {options.batch_size}", where=where, mend=mend)
    if num_processes > 1 and options.budget_unit == "seconds":
        raise ConfigError("clocks would part on a budget in seconds", where=where, mend=mend)


def _follow(group: Group, job: Job) -> None:
    """What the other processes do: train alike, and leave the rest to the first."""
    _train(job, group, Resume(job.checkpoints()))


def _train(job: Job, group: Group, loop: Resume) -> Pretraining:
    model, options, store = job.model, job.options, job.store
    make_deterministic(job.runtime)
    if not job.goes_on:
        model.reset(job.seed)
    rows = _rows(model, store, options, job.seed)
    words_per_token = store.num_words / store.num_tokens
    budget = Budget(
        options,
        words_per_step=words_per_token * options.batch_size * options.sequence_length,
        steps_per_epoch=rows.num_rows / options.batch_size,
    )
    module = Pretraining(model.train(), options, budget, seed=job.seed, group=group)
    loop.continue_from_checkpoint(module)
    trainer = make_trainer(
        job.runtime, folder=job.scratch, callbacks=[loop, Preemption(leads=group.rank == 0)]
    )
    trainer.fit(module, Steps(module, rows))
    model.eval()
    return module


def _rows(
    model: LanguageModel, store: TokenStore, options: TrainingOptions, seed: int
) -> Rows | Streams:
    """Where batches come from; a stateful model gets its state."""
    if not model.stateful:
        return Rows(store, length=options.sequence_length, seed=seed)
    model.begin_stream(options.batch_size)
    return Streams(store, length=options.sequence_length, rows=options.batch_size, seed=seed)
