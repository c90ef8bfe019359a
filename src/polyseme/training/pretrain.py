"""Pre-training of any language model, as a Lightning module.

Every random choice is drawn from (seed, step), and checkpoints hold step, weights and optimizer
state; so a run that was killed and continued ends with the same bytes as one that was not.

Validation, history and checkpoints come at fixed places of the loop:

    batch(step) -> loss -> finite? -> clip -> step -> history -> validate -> checkpoint

Several processes may share a batch (processes.py); what they minimise is its mean over all of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from torch import Tensor

from polyseme.draws import philox
from polyseme.errors import NumericsError
from polyseme.models.common.language_model import LanguageModel
from polyseme.training import optimizers as optim
from polyseme.training import sharding
from polyseme.training.batches import Rows, Streams
from polyseme.training.budget import Budget
from polyseme.training.options import TrainingOptions
from polyseme.training.processes import Alone, Group
from polyseme.training.schedule import factor

HISTORY_ROWS = 200
SECONDS_STEPS = 50
FIRST_PIECE = 1


class Pretraining(pl.LightningModule):
    """One language model and its optimizers.

    Attributes:
        step: optimizer steps done, in this attempt and earlier ones.
        rows: history.
        wants_save: whether this process asks for a checkpoint after the step.
        saves: whether one did; known to all.
        wants_leave, leaves: the same of an end after that checkpoint.
        shared: since which step how many processes have shared the training, and how.
    """

    automatic_optimization = False

    def __init__(
        self,
        model: LanguageModel,
        options: TrainingOptions,
        budget: Budget,
        *,
        seed: int,
        group: Group | None = None,
    ) -> None:
        super().__init__()
        self.model, self.options, self.budget, self.seed = model, options, budget, seed
        self.group = group or Alone()
        self.step, self.words_seen = 0, 0
        self.rows: list[dict[str, Any]] = []
        self.wants_save = self.saves = False
        self.wants_leave = self.leaves = False
        self.shared: list[dict[str, Any]] = []
        self.every = max(1, (budget.num_steps or HISTORY_ROWS * SECONDS_STEPS) // HISTORY_ROWS)

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """Optimizers of the options."""
        precision = str(self.trainer.precision)
        return optim.build(self.model, self.options, bf16=precision.startswith("bf16"))

    def configure_model(self) -> None:
        """Shard the model, where the strategy has a mesh of devices to do so."""
        if self.device_mesh is not None:
            sharding.shard(self.model, self.device_mesh["data_parallel"])

    def raw_optimizers(self) -> list[torch.optim.Optimizer]:
        """The optimizers without Lightning's wrapping."""
        return [getattr(o, "optimizer", o) for o in _as_list(self.optimizers())]

    def training_step(self, batch: dict[str, Tensor], _: int) -> None:
        """One optimizer step on a batch of this process."""
        if int(batch["step"]) != self.step:
            raise RuntimeError(f"batch of step {int(batch['step'])} at step {self.step}")
        torch.manual_seed(hash((self.seed, self.step)) + self.group.world.rank)  # for dropout
        found = self.model.losses(batch)
        total, weight = found.objective or (found.nats, found.tokens)
        wish = found.tokens.new_tensor(self.wants_save + 2.0 * self.wants_leave)
        sums = self.group.sum([weight, total.detach(), found.nats.detach(), found.tokens, wish])
        loss, shown = sums[1] / sums[0], sums[2] / sums[3]
        optimizers = self.raw_optimizers()
        optim.set_rate(optimizers, factor(self.budget.progress(self.step + 0.5), self.options))
        self.manual_backward(total / (sums[0] / self.group.world.size))  # strategies average
        norm = sharding.clip(self.model, self.options.gradient_clip)
        self._require_finite(loss, norm)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.group.sum_buffers(self.model.step_taken())
        wished = float(sums[4])  # asked late: a GPU is waited for
        self.saves, self.leaves = wished > 0, wished > 1
        self.step += 1
        self.words_seen += int(batch["num_words"])
        if self.step % self.every == 0 or self.budget.done(self.step):
            self._note(shown, optimizers)

    def _require_finite(self, loss: Tensor, norm: Tensor) -> None:
        if not (math.isfinite(loss.item()) and math.isfinite(norm.item())):
            raise NumericsError(
                f"loss {loss.item():.4g}, gradient norm {norm.item():.4g}",
                where=f"step {self.step}",
                mend="the last good state is kept; lower lr or muon_lr, or raise warmup",
            )

    def _note(self, loss: Tensor, optimizers: list[torch.optim.Optimizer]) -> None:
        row = {"step": self.step, "words_seen": self.words_seen, "loss": loss.item()}
        self.rows.append(row | {"learning_rate": optimizers[-1].param_groups[0]["lr"]})


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


class Steps:
    """Batches from the module's step to the end of its budget; what Lightning iterates over."""

    def __init__(self, module: Pretraining, rows: Rows | Streams) -> None:
        self.module, self.rows = module, rows

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        step = self.module.step
        while not self.module.budget.done(step):
            yield self.batch(step)
            step += 1

    def batch(self, step: int) -> dict[str, Tensor]:
        """What step `step` is trained on, in any attempt."""
        size = self.module.options.batch_size
        rows = self.rows.at(range(step * size, (step + 1) * size))
        batch = as_batch(
            self.module.model,
            rows,
            philox(self.module.seed, 2, step),
            progress=self.module.budget.progress(step),
        )
        return self.module.group.share(batch) | {"step": torch.tensor(step)}


def as_batch(
    model: LanguageModel,
    rows: tuple[np.ndarray, np.ndarray],
    random: np.random.Generator,
    *,
    progress: float = 1.0,
) -> dict[str, Tensor]:
    """Rows of text as tensors for `model`, and how many words begin in them.

    Args:
        progress: share of the budget that is used up, for objectives that change.
    """
    model.progress = progress
    made = model.make_batch(*rows, random)
    batch = {name: torch.from_numpy(array) for name, array in made.items()}
    new_BS = rows[1][:, 1:] if model.stateful else rows[1]
    return batch | {"num_words": torch.tensor(int((new_BS == FIRST_PIECE).sum()))}
