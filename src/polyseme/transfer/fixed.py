"""Heads on vectors that do not change: all seeds and label budgets of a task from one encoding.

A step reads units, not sentences (units.py). The heads of all seeds are trained side by side
(heads.py), each on batches in its own order.

Shapes: V heads, N units of the split, b units of a batch, C outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import cast

import lightning.pytorch as pl
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.optim import AdamW

from polyseme.strategies.base import Strategy
from polyseme.tasks.families.base import IGNORE
from polyseme.training.trainer import make_trainer
from polyseme.transfer.batches import Epochs
from polyseme.transfer.finetune import Cellwise, epochs_of, require_finite
from polyseme.transfer.heads import Heads, predict
from polyseme.transfer.selection import Selection
from polyseme.transfer.units import Units


class _SideBySide:
    """The epochs of all heads, in step; Lightning takes a list for several loaders."""

    def __init__(self, epochs: Sequence[Epochs]) -> None:
        self.epochs = epochs

    def __len__(self) -> int:
        return len(self.epochs[0])

    def __iter__(self) -> Iterator[tuple[list[list[int]], ...]]:
        return zip(*self.epochs, strict=True)


class FixedTraining(pl.LightningModule):
    """The heads of all seeds; what Lightning takes for a batch is an epoch of each of them."""

    automatic_optimization = False

    def __init__(
        self,
        heads: Heads,
        strategy: Strategy,
        data: Units,
        epochs: Sequence[Epochs],
        look: Callable[[], bool],
    ) -> None:
        super().__init__()
        self.heads, self.strategy, self.data = heads, strategy, data
        self.epochs, self.look = epochs, look
        self.step, self.is_over = 0, False

    def configure_optimizers(self) -> AdamW:
        """AdamW; steps set the learning rate."""
        options = self.strategy.options
        weights, decay = self.heads.parameters(), options.weight_decay
        return AdamW(weights, lr=options.head_lr, weight_decay=decay, fused=True)

    def training_step(self, epoch: Sequence[list[list[int]]], number: int) -> None:
        """One optimizer step for each batch, then a look where one is due."""
        if self.is_over:
            return
        optimizer = cast("AdamW", self.optimizers(use_pl_optimizer=False))
        options, num_steps = self.strategy.options, self.epochs[0].num_steps
        with torch.autocast(self.device.type, enabled=False):
            for batches in zip(*epoch, strict=True):
                rate = self.strategy.rate((self.step + 0.5) / num_steps)
                optimizer.param_groups[0]["lr"] = options.head_lr * rate
                optimizer.zero_grad()
                self._loss([self._labelled(items) for items in batches]).backward()
                optimizer.step()
                self.step += 1
            if self.epochs[0].looks(number):
                self.is_over = self.look()

    def _labelled(self, items: Sequence[int]) -> Tensor:
        rows = self.data.rows(items)
        return rows[self.data.targets_N[rows] != IGNORE]

    def _loss(self, rows: Sequence[Tensor]) -> Tensor:
        """Sum over heads of their mean loss: each is trained as if alone."""
        padded_Vb = pad_sequence(list(rows), batch_first=True)
        parts_VbLQD = self.data.parts_NLQD[padded_Vb].to(self.device)
        logits_VbC = self.heads(parts_VbLQD, [len(some) for some in rows])
        targets_N = self.data.targets_N
        losses = [
            self.heads.family.loss(
                logits_bC[None, : len(some)], targets_N[some][None].to(self.device)
            )
            for logits_bC, some in zip(logits_VbC, rows, strict=True)
            if len(some)
        ]
        loss = torch.stack(losses).sum() if losses else logits_VbC.sum() * 0
        require_finite(loss, self.step)
        return loss


def train(
    strategy: Strategy,
    split: Units,
    valid: Units,
    given: Cellwise,
    *,
    lengths: Sequence[int],
    seeds: Sequence[int],
) -> Heads:
    """Train the heads of all seeds on one split.

    Args:
        valid: decides which state of each head is kept.
        lengths: words of each item of the split.
    """
    num_layers, _, dim = split.parts_NLQD.shape[1:]
    heads = Heads((num_layers, dim), given.num_labels, given.family, strategy, seeds)
    epochs = [epochs_of(strategy, lengths, seed=seed, depths=num_layers) for seed in seeds]
    selections = [Selection(given.score, strategy.options.patience) for _ in seeds]

    def look() -> bool:
        heads.eval()
        pairs = zip(predict(heads, valid), selections, strict=True)
        for number, (predicted_N, selection) in enumerate(pairs):
            if not selection.is_over:
                selection.look(predicted_N, partial(_state, heads, number))
        heads.train()
        return all(selection.is_over for selection in selections)

    module = FixedTraining(heads, strategy, split, epochs, look).train()
    trainer = make_trainer(given.runtime, folder=given.folder, callbacks=[])
    trainer.fit(module, _SideBySide(epochs))
    with torch.no_grad():
        for number, selection in enumerate(selections):
            for name, weight in (selection.state or {}).items():
                heads.get_parameter(name)[number] = weight
    return heads.eval()


def _state(heads: Heads, number: int) -> dict[str, Tensor]:
    """Weights of one head."""
    return {name: w.detach()[number].clone() for name, w in heads.named_parameters()}
