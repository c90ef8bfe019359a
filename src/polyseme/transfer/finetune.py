"""Fine-tuning of one cell: (representation, task, strategy, number of labels, seed).

Batches hold items of similar length, in an order that (seed, epoch) decides. The validation split
chooses among the states at the ends of some epochs, if the strategy asks for it; no label of the
test split has a say in training.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import lightning.pytorch as pl
import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import AdamW

from polyseme.errors import NumericsError
from polyseme.models.base import Representation, length_sorted_batches
from polyseme.runtime.settings import Runtime
from polyseme.strategies.base import Strategy
from polyseme.tasks.families.base import IGNORE, Family, pad_targets, restrict
from polyseme.training.trainer import make_trainer
from polyseme.transfer.batches import Epochs
from polyseme.transfer.head import Head
from polyseme.transfer.labelled import Labelled
from polyseme.transfer.selection import Selection

EVALUATION_WORDS = 4096
Watch = Callable[[int, int], None]
"""Called with the number of steps and epochs that are done."""


def nothing(step: int, epoch: int) -> None:
    """Watch nothing."""


class FineTuning(pl.LightningModule):
    """A representation and its head, trained together.

    What Lightning takes for a batch is an epoch, and the optimizer's steps are taken here: what
    Lightning does between two steps took longer than such small steps themselves.
    """

    automatic_optimization = False

    def __init__(
        self,
        representation: Representation,
        head: Head,
        strategy: Strategy,
        split: Labelled,
        *,
        epochs: Epochs,
        look: Callable[[], bool],
        watch: Watch = nothing,
    ) -> None:
        super().__init__()
        self.representation, self.head, self.split = representation, head, split
        self.strategy, self.epochs, self.look, self.watch = strategy, epochs, look, watch
        self.step, self.is_over = 0, False

    def configure_optimizers(self) -> AdamW:
        """AdamW; `_set_rates` sets the learning rates."""
        groups = self.strategy.groups(self.representation, self.head)
        for group in groups:
            group["peak_lr"] = group["lr"]
            group["learned"] = [w for w in group["params"] if w.requires_grad]
        return AdamW(groups, weight_decay=self.strategy.options.weight_decay, fused=True)

    def training_step(self, epoch: list[list[int]], number: int) -> None:
        """One optimizer step for each of the batches.

        Lightning's precision holds for the whole of it; the backward pass leaves it, as it should.
        """
        if self.is_over:
            return
        optimizer = cast("AdamW", self.optimizers(use_pl_optimizer=False))
        self._choose_layers(optimizer, number / len(self.epochs))
        for batch in epoch:
            rate = self.strategy.rate((self.step + 0.5) / self.epochs.num_steps)
            for group in optimizer.param_groups:
                group["lr"] = group["peak_lr"] * rate
            optimizer.zero_grad()
            loss = self._loss(batch)
            with torch.autocast(loss.device.type, enabled=False):
                loss.backward()
            optimizer.step()
            self.step += 1
        looks = self.epochs.looks(number)
        if looks:
            self.is_over = self.look()
        if looks or number + 1 == len(self.epochs):
            self.watch(self.step, number + 1)

    def _choose_layers(self, optimizer: AdamW, done: float) -> None:
        """Which layers learn in the epoch that begins."""
        top = self.representation.num_layers
        for group in optimizer.param_groups:
            learns = "depth" not in group or self.strategy.learns(group["depth"], top, done)
            for weight in group["learned"]:
                weight.requires_grad_(learns)
                weight.grad = None

    def _loss(self, batch: list[int]) -> Tensor:
        """Loss of the labelled units of some items; 0 where none of them has a label."""
        logits_BUC = self.split.logits(self.head, batch)
        targets = [self.split.targets[i] for i in batch]
        if any(target != IGNORE for row in targets for target in row):
            loss = self.head.family.loss(logits_BUC, pad_targets(targets).to(logits_BUC.device))
        else:
            loss = logits_BUC.sum() * 0
        require_finite(loss, self.step)
        return loss


def require_finite(loss: Tensor, step: int) -> None:
    """Stop before a step that would spoil the weights.

    Raises:
        NumericsError: naming the step.
    """
    if not math.isfinite(loss.item()):
        raise NumericsError(
            f"loss is {loss.item()}", where=f"step {step}", mend="lower the rates of the strategy"
        )


@dataclass(frozen=True)
class Cellwise:
    """What all cells of a task have in common.

    Attributes:
        family: of the task.
        num_labels: distinct labels.
        score: of predictions on the validation split; higher is better.
        runtime: how to run.
        folder: where Lightning may write.
    """

    family: Family
    num_labels: int
    score: Callable[[np.ndarray], float]
    runtime: Runtime
    folder: Path


def epochs_of(strategy: Strategy, lengths: Sequence[int], *, seed: int, depths: int) -> Epochs:
    """The passes of a run of a strategy over some items."""
    options = strategy.options
    return Epochs(
        lengths,
        size=options.batch_size,
        epochs=max(options.epochs, strategy.least_epochs(depths)),
        min_steps=options.min_steps,
        num_looks=options.num_validations,
        seed=seed,
    )


def train(
    representation: Representation,
    strategy: Strategy,
    split: Labelled,
    valid: Labelled,
    given: Cellwise,
    *,
    seed: int,
    watch: Watch = nothing,
) -> Head:
    """Fine-tune on one split; the representation is changed in place.

    Args:
        representation: as `strategy.start` gave it.
        split: trained on.
        valid: decides which state is kept.
        watch: called where the validation split was looked at, and at the end.

    Returns:
        The trained head.
    """
    torch.manual_seed(seed)
    head = Head(
        num_layers=representation.num_layers,
        dim=representation.dim,
        num_labels=given.num_labels,
        family=given.family,
        options=strategy.head,
    )
    epochs = epochs_of(strategy, split.lengths, seed=seed, depths=representation.num_layers)
    selection = Selection(given.score, strategy.options.patience)
    learned = nn.ModuleList([representation, head])

    def look() -> bool:
        learned.eval()
        selection.look(predict(head, valid), lambda: _state(learned))
        learned.train()
        return selection.is_over

    module = FineTuning(
        representation, head, strategy, split, epochs=epochs, look=look, watch=watch
    ).train()
    make_trainer(given.runtime, folder=given.folder, callbacks=[]).fit(module, epochs)
    if selection.state is not None:
        with torch.no_grad():
            for name, weight in learned.named_parameters():
                if name in selection.state:
                    weight.copy_(selection.state[name])
    module.eval()
    return head


def _state(module: nn.Module) -> dict[str, Tensor]:
    """Copies of what may have learned since the start."""
    return {name: weight.detach().clone() for name, weight in module.named_parameters()}


@torch.no_grad()
def predict(head: Head, split: Labelled) -> np.ndarray:
    """Label numbers (or values) of all units; 0 for those of an item without words."""
    found: np.ndarray | None = None
    for items in length_sorted_batches(split.lengths, EVALUATION_WORDS):
        logits_BUC = split.logits(head, items).float().cpu()
        for row, item in enumerate(items):
            start, end = split.starts[item], split.starts[item + 1]
            logits_UC = logits_BUC[row, : end - start]
            if split.choices is not None:
                logits_UC = restrict(logits_UC, split.choices[item])
            best = head.family.decode(logits_UC)
            if found is None:
                found = np.zeros(int(split.starts[-1]), dtype=best.dtype)
            found[start:end] = best
    return np.zeros(int(split.starts[-1]), dtype=np.int64) if found is None else found
