"""Heads on vectors that do not change: all seeds and label budgets of a task from one encoding.

The parts that a unit is made of are linear in the words' vectors, so they are taken once for each
layer; a step then reads units, not sentences. The heads of all seeds are trained side by side, each
on batches in its own order. What one head computes is what `Head` computes on the same units.

Shapes: V heads, L layers, N units of the split, Q parts, D dimensions, E dimensions of a unit,
C outputs, b units of a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import lightning.pytorch as pl
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.optim import AdamW

from polyseme.models.base import length_sorted_batches
from polyseme.strategies.base import Strategy
from polyseme.tasks.families.base import IGNORE, Choices, Family, restrict
from polyseme.training.trainer import make_trainer
from polyseme.transfer.batches import Epochs
from polyseme.transfer.finetune import Cellwise, epochs_of, require_finite
from polyseme.transfer.head import Head
from polyseme.transfer.labelled import Labelled
from polyseme.transfer.selection import Selection

GATHERED_WORDS = 8192
PREDICTED_UNITS = 16384
PREDICTED_SCORES = 2**25
"""At once, of all heads: 128 MiB. It counts where there are thousands of labels."""


@dataclass(frozen=True)
class Units:
    """One split, its words gone; its tensors stay on the cpu.

    Attributes:
        parts_NLQD: of each unit, after the norm of each layer.
        targets_N: label numbers or values; IGNORE where there is none.
        starts: first unit of each item, and one past the last.
        there: whether each of the split's units is among them; those of items without words are
            not.
        choices: label numbers that each unit may have; None where it may have any.
    """

    parts_NLQD: Tensor
    targets_N: Tensor
    starts: np.ndarray
    there: np.ndarray
    choices: Choices | None = None

    @classmethod
    def of(cls, split: Labelled, family: Family) -> Units:
        """Gather the parts of all units of a split; an item without words has none."""
        counts = [len(t) if n else 0 for t, n in zip(split.targets, split.lengths, strict=True)]
        starts = np.concatenate([[0], np.cumsum(counts)])
        parts: Tensor | None = None
        for items in length_sorted_batches(split.lengths, GATHERED_WORDS):
            found = _parts(split, items, family)
            if parts is None:
                parts = found.new_zeros(int(starts[-1]), *found.shape[2:])
            for row, i in enumerate(items):
                parts[starts[i] : starts[i + 1]] = found[row, : counts[i]]
        there = np.repeat(np.array(split.lengths) > 0, np.diff(split.starts))
        if parts is None:
            parts = torch.zeros(0, 1, 1, 1)
        choices = None
        if split.choices is not None:
            every = (numbers for item in split.choices for numbers in item)
            choices = [numbers for numbers, kept in zip(every, there, strict=True) if kept]
        return cls(parts, torch.from_numpy(split.gold_N[there]), starts, there, choices)

    def spread(self, predicted_N: np.ndarray) -> np.ndarray:
        """Predictions of all units of the split; 0 for those that are not there."""
        found = np.zeros(len(self.there), dtype=predicted_N.dtype)
        found[self.there] = predicted_N
        return found

    def chosen(self, items: Sequence[int]) -> Units:
        """Only the units of some items."""
        counts = [int(self.starts[i + 1] - self.starts[i]) for i in items]
        rows = self.rows(items)
        starts = np.concatenate([[0], np.cumsum(counts)])
        there = np.ones(len(rows), dtype=bool)
        choices = None if self.choices is None else [self.choices[n] for n in rows.tolist()]
        return Units(self.parts_NLQD[rows], self.targets_N[rows], starts, there, choices)

    def rows(self, items: Sequence[int]) -> Tensor:
        """Numbers of the units of some items."""
        ranges = [np.arange(self.starts[i], self.starts[i + 1]) for i in items]
        return torch.from_numpy(np.concatenate(ranges) if ranges else np.zeros(0, dtype=np.int64))


def _parts(split: Labelled, items: Sequence[int], family: Family) -> Tensor:
    """Parts of the units of some items, B x U x L x Q x D."""
    h_LBTD, mask_BT = split.vectors(items)
    h_LBTD = F.layer_norm(h_LBTD, h_LBTD.shape[-1:])
    num_layers, batch = h_LBTD.shape[:2]
    marked_BP = split.marked(items)
    if marked_BP is not None:
        marked_BP = marked_BP.repeat(num_layers, 1)
    found = family.parts(h_LBTD.flatten(0, 1), mask_BT.repeat(num_layers, 1), marked_BP)
    return found.unflatten(0, (num_layers, batch)).permute(1, 2, 0, 3, 4)


class Heads(nn.Module):
    """V heads side by side, each begun as a `Head` of its own seed.

    Attributes:
        num_parameters: of one of them.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        num_labels: int,
        family: Family,
        strategy: Strategy,
        seeds: Sequence[int],
    ) -> None:
        super().__init__()
        self.family, self.rate = family, strategy.head.dropout
        layers, dim = shape
        made = []
        for seed in seeds:
            torch.manual_seed(seed)
            made.append(
                Head(
                    num_layers=layers,
                    dim=dim,
                    num_labels=num_labels,
                    family=family,
                    options=strategy.head,
                )
            )
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.weights_VL = _stacked([head.weights_L for head in made])
        self.scale_V1 = _stacked([head.scale for head in made])
        self.weight_VEC = _stacked([head.classifier.weight.T for head in made])
        self.bias_V1C = _stacked([head.classifier.bias[None] for head in made])
        self.num_parameters = sum(w.numel() for w in made[0].parameters())

    def forward(self, parts_VbLQD: Tensor, counts: Sequence[int] = ()) -> Tensor:
        """Scores logits_VbC.

        Args:
            counts: units of each head's batch in training; the others are padding.
        """
        mix_VL = self.weights_VL.softmax(-1) * self.scale_V1
        mixed_VbQD = torch.einsum("vl,vblqd->vbqd", mix_VL, parts_VbLQD)
        units_VbE = self._drop(self.family.combine(mixed_VbQD), counts)
        return torch.baddbmm(self.bias_V1C, units_VbE, self.weight_VEC)

    def _drop(self, x_VbE: Tensor, counts: Sequence[int]) -> Tensor:
        """Dropout; each head has draws of its own, whatever other heads there are."""
        if not self.training or not self.rate:
            return x_VbE
        kept = [
            torch.rand(count, x_VbE.shape[-1], generator=generator) >= self.rate
            for count, generator in zip(counts, self.generators, strict=True)
        ]
        return x_VbE * pad_sequence(kept, batch_first=True).to(x_VbE) / (1 - self.rate)


def _stacked(weights: Sequence[Tensor]) -> nn.Parameter:
    return nn.Parameter(torch.stack([w.detach() for w in weights]).contiguous())


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


@torch.no_grad()
def predict(heads: Heads, units: Units) -> list[np.ndarray]:
    """Label numbers (or values) of all units of the split, under every head."""
    num_heads, num_outputs = len(heads.generators), heads.bias_V1C.shape[-1]
    step = max(1, min(PREDICTED_UNITS, PREDICTED_SCORES // (num_heads * num_outputs)))
    found: list[list[np.ndarray]] = [[] for _ in range(num_heads)]
    for at in range(0, max(1, len(units.targets_N)), step):
        parts_NLQD = units.parts_NLQD[at : at + step].to(heads.scale_V1.device)
        scores_VNC = heads(parts_NLQD.expand(num_heads, *parts_NLQD.shape)).cpu()
        if units.choices is not None:
            chosen = units.choices[at : at + step]
            scores_VNC = torch.stack([restrict(scores_NC, chosen) for scores_NC in scores_VNC])
        for pieces, scores_NC in zip(found, scores_VNC, strict=True):
            pieces.append(heads.family.decode(scores_NC))
    return [units.spread(np.concatenate(pieces)) for pieces in found]
