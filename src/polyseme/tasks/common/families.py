"""Families of tasks: what is represented, what is predicted, how it is scored.

    tagging          one vector a word, one label a word (None: not scored)
    classification   one vector a sentence (mean of its words), one label

Metrics are scikit-learn's. Shapes: B items, T words, C labels, N scored units.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from polyseme.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

IGNORE = -100


class Family(ABC):
    """The algorithm that the tasks of a family share."""

    main_metric = "accuracy"
    level: str

    @abstractmethod
    def targets(self, labels: Sequence[Any], index: dict[str, int]) -> list[list[int]]:
        """Label numbers of each item's units.

        IGNORE where there is no label; the number of labels, which nothing can predict, where it
        does not occur in training.
        """

    @abstractmethod
    def units(self, h_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        """Vectors of the units of each item, h_BUD: U units an item."""

    def score(self, gold: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
        """Accuracy and macro-averaged F1 over the labels that occur in gold or prediction."""
        from sklearn.metrics import accuracy_score, f1_score

        return {
            "accuracy": float(accuracy_score(gold, predicted)),
            "macro_f1": float(f1_score(gold, predicted, average="macro", zero_division=0)),
        }


class Tagging(Family):
    """A label for every word."""

    main_metric = "macro_f1"
    level = "word"

    def targets(self, labels: Sequence[Any], index: dict[str, int]) -> list[list[int]]:
        """One number a word."""
        return [[_number(tag, index) for tag in tags] for tags in labels]

    def units(self, h_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        """The words themselves."""
        return h_BTD


class Classification(Family):
    """A label for the sentence, from the mean of its word vectors."""

    level = "sentence"

    def targets(self, labels: Sequence[Any], index: dict[str, int]) -> list[list[int]]:
        """One number a sentence."""
        return [[_number(label, index)] for label in labels]

    def units(self, h_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        """Mean over the words that are there."""
        mask_BT1 = mask_BT[..., None].to(h_BTD.dtype)
        mean_BD = (h_BTD * mask_BT1).sum(1) / mask_BT1.sum(1).clamp(min=1)
        return mean_BD[:, None]


def _number(label: Any, index: dict[str, int]) -> int:
    return IGNORE if label is None else index.get(label, len(index))


FAMILIES: dict[str, Family] = {"tagging": Tagging(), "classification": Classification()}


def pad_targets(targets: Sequence[Sequence[int]]) -> Tensor:
    """Targets as a tensor, IGNORE in the padding."""
    import torch

    longest = max(len(t) for t in targets)
    return torch.tensor([[*t, *[IGNORE] * (longest - len(t))] for t in targets])


def require_labels(names: Sequence[str], *, task: str) -> None:
    """Refuse a task that has nothing to tell apart.

    Raises:
        DataError: fewer than two labels in the training split.
    """
    if len(names) < 2:  # noqa: PLR2004
        found = ", ".join(map(repr, names)) or "none"
        raise DataError(f"has one label only: {found}", where=task, mend="check its source")
