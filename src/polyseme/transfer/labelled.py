"""One split of a task, with vectors and targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from torch import Tensor

from polyseme.tasks.families.base import IGNORE, Choices, Scored, pad_places
from polyseme.transfer.head import Head
from polyseme.transfer.vectors import Vectors


@dataclass(frozen=True)
class Labelled:
    """One split, ready for the head.

    Attributes:
        vectors: where word vectors come from.
        lengths: words of each item.
        targets: label numbers (or values) of each item's units.
        places: words that each item's label is about; None where it is about all.
        choices: label numbers that each unit of an item may have; None where it may have any.
    """

    vectors: Vectors
    lengths: Sequence[int]
    targets: Sequence[Sequence[Any]]
    places: Sequence[Sequence[int]] | None = None
    choices: Sequence[Choices] | None = None

    def marked(self, items: Sequence[int]) -> Tensor | None:
        """Words that the labels of some items are about, places_BP."""
        return None if self.places is None else pad_places([self.places[i] for i in items])

    def logits(self, head: Head, items: Sequence[int]) -> Tensor:
        """Scores of each label, logits_BUC."""
        device = head.scale.device
        h_LBTD, mask_BT = self.vectors(items)
        places_BP = self.marked(items)
        if places_BP is not None:
            places_BP = places_BP.to(device)
        scores: Tensor = head(h_LBTD.to(device), mask_BT.to(device), places_BP)
        return scores

    @cached_property
    def starts(self) -> np.ndarray:
        """First unit of each item, and one past the last, in the order of all units."""
        return np.concatenate([[0], np.cumsum([len(row) for row in self.targets])])

    @cached_property
    def gold_N(self) -> np.ndarray:
        """Targets of all units."""
        return np.array([target for row in self.targets for target in row])

    def scored(self, predicted_N: np.ndarray, labels: Sequence[str]) -> Scored:
        """The units that have a label, beside what is predicted of all units.

        Args:
            labels: names of the labels, by number; none where values are predicted.
        """
        kept_N = self.gold_N != IGNORE
        counts = np.diff(self.starts)
        item_N = np.repeat(np.arange(len(counts)), counts)
        unit_N = np.arange(len(item_N)) - np.repeat(self.starts[:-1], counts)
        return Scored(
            item_N[kept_N], unit_N[kept_N], self.gold_N[kept_N], predicted_N[kept_N], labels
        )
