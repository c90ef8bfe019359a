"""The units of a split, made once from vectors that do not change.

The parts that a unit is made of are linear in the words' vectors, so they are taken once for each
layer, before layers are mixed.

Shapes: N units of the split, L layers, Q parts, D dimensions, B items, U units an item.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from polyseme.models.base import length_sorted_batches
from polyseme.tasks.families.base import Choices, Family
from polyseme.transfer.labelled import Labelled

GATHERED_WORDS = 8192


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
