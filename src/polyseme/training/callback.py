"""What happens around a pre-training step: resume, validate, checkpoint, show progress."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from tqdm import tqdm

from polyseme.errors import NumericsError
from polyseme.runtime.settings import Runtime
from polyseme.training import checkpoint, sharding, strategies
from polyseme.training import optimizers as optim
from polyseme.training.evaluate import evaluate
from polyseme.training.pretrain import Pretraining
from polyseme.training.processes import Group

Log = Callable[[Mapping[str, float], int], None]


class Loop(Callback):
    """What happens between two optimizer steps, in every process alike.

    The first process notes, saves and shows it.
    """

    def __init__(
        self,
        checkpoints: checkpoint.Checkpoints,
        validation: list[dict[str, Tensor]],
        runtime: Runtime,
        group: Group,
        log: Log,
    ) -> None:
        self.checkpoints, self.validation, self.runtime = checkpoints, validation, runtime
        self.group, self.emit = group, log if group.is_first else nothing
        self.found = checkpoint.shared(group, checkpoints.newest() if group.is_first else None)
        self.saved_at = time.monotonic()
        self.num_validated = 0
        self.bar: Any = None

    def continue_from_checkpoint(self, module: Pretraining) -> None:
        """Set the step of the newest whole checkpoint.

        Lightning asks for the first batch before it calls on_train_start, so this comes before.
        """
        if self.found:
            module.step, module.words_seen = self.found.step, self.found.facts["words_seen"]
            module.rows, module.shared = self.found.facts["rows"], self.found.facts["shared"]
        how = {"processes": self.group.world.size, "strategy": self.runtime.strategy}
        if not module.shared or not how.items() <= module.shared[-1].items():
            module.shared.append({"step": module.step} | how)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Restore weights and optimizers, which exist only now; show the progress."""
        module = _own(pl_module)
        if self.group.world.size > 1:
            # Lightning would exchange a word about it, in the middle of another exchange
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if self.found:
            checkpoint.restore(self.found.tensors, module.model, module.raw_optimizers())
            if self.group.is_first:
                print(f"continuing at step {self.found.step}", file=sys.stderr)
        module.budget.start(self.found.facts["seconds"] if self.found else 0.0)
        self.found = None
        self.num_validated = self._due(module)
        self.bar = tqdm(
            total=module.budget.num_steps,
            initial=module.step,
            desc="pre-training",
            unit="step",
            disable=not (self.runtime.progress and self.group.is_first),
            mininterval=2.0,
        )

    def _due(self, module: Pretraining) -> int:
        return int(module.budget.progress(module.step) * module.options.num_validations + 1e-9)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, *_: Any, **__: Any
    ) -> None:
        """The clock of the first process says when all save."""
        due = time.monotonic() - self.saved_at > self.runtime.checkpoint_seconds
        _own(pl_module).wants_save = due and self.group.is_first

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
        if module.saves:
            self._save(module)

    def _validate(self, module: Pretraining) -> None:
        optimizers = module.raw_optimizers()
        with optim.averaged(optimizers):
            found = evaluate(module.model, self.validation)
            sharding.let_go(module.model)  # before the averages go
        values = {f"valid_{k}": found[k] for k in ("loss", "bits_per_byte", "perplexity")}
        if not module.rows or module.rows[-1]["step"] != module.step:
            module.rows.append({"step": module.step, "words_seen": module.words_seen})
        module.rows[-1] |= values
        losses = [row["valid_loss"] for row in module.rows if "valid_loss" in row]
        optim.watch(optimizers, losses)
        self.bar.set_postfix(bits_per_byte=f"{found['bits_per_byte']:.3f}")

    def _save(self, module: Pretraining) -> None:
        if not (self.group.is_first or strategies.is_sharded(self.runtime, self.group.world)):
            return
        tensors = checkpoint.collect(module.model, module.raw_optimizers())
        if not self.group.is_first:
            return
        facts = {
            "words_seen": module.words_seen,
            "rows": module.rows,
            "seconds": module.budget.seconds,
            "shared": module.shared,
        }
        self.checkpoints.save(module.step, tensors, facts)
        self.saved_at = time.monotonic()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Keep the last good state: a step that is not finite has not been taken."""
        module = _own(pl_module)
        if isinstance(exception, NumericsError) and self._finite(module):
            self._save(module)

    def _finite(self, module: Pretraining) -> bool:
        parts = [sharding.own(weight.detach()) for weight in module.model.parameters()]
        (bad,) = self.group.sum(
            [torch.stack([(~torch.isfinite(part)).sum() for part in parts]).sum()]
        )
        return not bool(bad)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep averaged weights where there are some; close the bar."""
        optim.finish(_own(pl_module).raw_optimizers())
        self.bar.close()


def _own(module: LightningModule) -> Pretraining:
    if not isinstance(module, Pretraining):
        raise TypeError(f"{type(module).__name__} is not Pretraining")
    return module


def nothing(row: Mapping[str, float], step: int) -> None:
    """What the other processes note."""
