"""Fine-tuning of one cell: (representation, task, strategy, number of labels, seed).

Batches hold items of similar length, in an order that (seed, epoch) decides; the learning rate
rises and falls linearly; the state after the last step is evaluated, so no label of the
validation or test split has a say in training.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import lightning.pytorch as pl
import numpy as np
import torch
from torch import Tensor
from torch.optim import AdamW

from polyseme.draws import philox
from polyseme.errors import NumericsError
from polyseme.models.base import Representation, length_sorted_batches
from polyseme.runtime.settings import Runtime
from polyseme.strategies.base import Strategy
from polyseme.tasks.families.base import IGNORE, Family, Scored, pad_targets
from polyseme.training.trainer import make_trainer
from polyseme.transfer.head import Head
from polyseme.transfer.vectors import Vectors

POOL_BATCHES = 16
EVALUATION_WORDS = 4096


@dataclass(frozen=True)
class Labelled:
    """One split, ready for the head.

    Attributes:
        vectors: where word vectors come from.
        lengths: words of each item.
        targets: label numbers (or values) of each item's units.
        places: words that each item's label is about; None where it is about all.
    """

    vectors: Vectors
    lengths: Sequence[int]
    targets: Sequence[Sequence[Any]]
    places: Sequence[Sequence[int]] | None = None

    def logits(self, head: Head, items: Sequence[int]) -> Tensor:
        """Scores of the labels of some items, logits_BUC."""
        h_LBTD, mask_BT = self.vectors(items)
        device = next(head.parameters()).device
        places_BP = None
        if self.places is not None:
            places_BP = torch.tensor([self.places[i] for i in items], device=device)
        scores: Tensor = head(h_LBTD.to(device), mask_BT.to(device), places_BP)
        return scores


class FineTuning(pl.LightningModule):
    """A representation and its head, trained together or the head alone.

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
        num_steps: int,
    ) -> None:
        super().__init__()
        self.representation, self.head, self.split = representation, head, split
        self.strategy, self.num_steps = strategy, num_steps
        self.representation.requires_grad_(strategy.trains_encoder)
        self.step = 0

    def configure_optimizers(self) -> AdamW:
        """AdamW; `_rate` sets the learning rates."""
        groups = self.strategy.groups(self.representation, self.head)
        for group in groups:
            group["peak_lr"] = group["lr"]
        return AdamW(groups, weight_decay=self.strategy.options.weight_decay, fused=True)

    def _rate(self) -> float:
        """Part of the peak learning rate: linear warm-up, then linear decay."""
        warmup = max(1, round(self.strategy.options.warmup * self.num_steps))
        falling = (self.num_steps - self.step) / max(1, self.num_steps - warmup)
        return min((self.step + 1) / warmup, falling)

    def training_step(self, epoch: list[list[int]], _: int) -> None:
        """One optimizer step for each of the batches.

        Lightning's precision holds for the whole of it; the backward pass leaves it, as it should.
        """
        optimizer = cast("AdamW", self.optimizers(use_pl_optimizer=False))
        for batch in epoch:
            for group in optimizer.param_groups:
                group["lr"] = group["peak_lr"] * self._rate()
            optimizer.zero_grad()
            loss = self._loss(batch)
            with torch.autocast(loss.device.type, enabled=False):
                loss.backward()
            optimizer.step()
            self.step += 1

    def _loss(self, batch: list[int]) -> Tensor:
        """Loss of the labelled units of some items."""
        logits_BUC = self.split.logits(self.head, batch)
        targets_BU = pad_targets([self.split.targets[i] for i in batch]).to(logits_BUC.device)
        loss = self.head.family.loss(logits_BUC, targets_BU)
        if not math.isfinite(loss.item()):
            raise NumericsError(
                f"loss is {loss.item()}", where=f"step {self.step}", mend="lower the rates"
            )
        return loss


def batches(lengths: Sequence[int], size: int, *, seed: int, epoch: int) -> list[list[int]]:
    """Items in batches of similar length, in random order.

    Items are shuffled, sorted by length inside pools of some batches, cut, and shuffled again.
    Items without words are left out.
    """
    random = philox(seed, 4, epoch)
    order = [int(i) for i in random.permutation(len(lengths)) if lengths[i]]
    found = []
    for start in range(0, len(order), size * POOL_BATCHES):
        pool = sorted(order[start : start + size * POOL_BATCHES], key=lambda i: lengths[i])
        found += [pool[at : at + size] for at in range(0, len(pool), size)]
    return [found[i] for i in random.permutation(len(found))]


class _Epochs:
    """All epochs of a run, each a list of batches."""

    def __init__(self, split: Labelled, strategy: Strategy, seed: int) -> None:
        self.split, self.seed, self.size = split, seed, strategy.options.batch_size
        items = sum(1 for n in split.lengths if n)
        self.steps_per_epoch = math.ceil(items / self.size)
        least = math.ceil(strategy.options.min_steps / max(1, self.steps_per_epoch))
        self.epochs = max(strategy.options.epochs, least)

    @property
    def num_steps(self) -> int:
        """Optimizer steps of the run."""
        return self.epochs * self.steps_per_epoch

    def __len__(self) -> int:
        return self.epochs

    def __iter__(self) -> Iterator[list[list[int]]]:
        for epoch in range(self.epochs):
            yield batches(self.split.lengths, self.size, seed=self.seed, epoch=epoch)


def train(
    representation: Representation,
    strategy: Strategy,
    split: Labelled,
    *,
    family: Family,
    num_labels: int,
    seed: int,
    runtime: Runtime,
    folder: Path,
) -> Head:
    """Fine-tune on one split; the representation is changed in place.

    Returns:
        The trained head.
    """
    strategy.start(representation, seed)
    torch.manual_seed(seed)
    head = Head(
        num_layers=representation.num_layers,
        dim=representation.dim,
        num_labels=num_labels,
        family=family,
        dropout=strategy.options.dropout,
    )
    epochs = _Epochs(split, strategy, seed)
    module = FineTuning(representation, head, strategy, split, epochs.num_steps).train()
    make_trainer(runtime, folder=folder, callbacks=[]).fit(module, epochs)
    module.eval()
    return head


@torch.no_grad()
def predict(head: Head, split: Labelled) -> list[np.ndarray]:
    """Label numbers (or values) of each item's units; empty for an item without words."""
    found = [np.zeros(0, dtype=np.int64)] * len(split.lengths)
    for items in length_sorted_batches(split.lengths, EVALUATION_WORDS):
        logits_BUC = split.logits(head, items).float().cpu()
        for row, item in enumerate(items):
            found[item] = head.family.decode(logits_BUC[row, : len(split.targets[item])])
    return found


def scored(split: Labelled, predicted: Sequence[np.ndarray], labels: Sequence[str]) -> Scored:
    """Units that have a label, beside what is predicted.

    An item without words is predicted as label 0.

    Args:
        labels: names of the labels, by number; none where values are predicted, all of which count.
    """
    columns: list[tuple[int, int, Any, Any]] = []
    for item, targets in enumerate(split.targets):
        for unit, gold in enumerate(targets):
            if gold != IGNORE or not labels:
                guess = predicted[item][unit] if len(predicted[item]) else 0
                columns.append((item, unit, gold, guess))
    item_N, unit_N, gold_N, predicted_N = map(np.array, zip(*columns, strict=True))
    return Scored(item_N, unit_N, gold_N, predicted_N, labels)
