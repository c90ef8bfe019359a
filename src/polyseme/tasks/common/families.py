"""Families of tasks: what is represented, what is predicted, how it is scored.

    tagging          one vector a word, one label a word (None: not scored)
    classification   one vector a sentence (mean of its words), one label
    pair             two marked words, compared: |a - b| and a * b, one label

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
    def units(self, h_BTD: Tensor, mask_BT: Tensor, places_BP: Tensor | None) -> Tensor:
        """Vectors of the units of each item, h_BUE: U units an item, E = width(D).

        Args:
            places_BP: words that the label is about; None where it is about all.
        """

    def width(self, dim: int) -> int:
        """E, for representations of D dimensions."""
        return dim

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

    def units(self, h_BTD: Tensor, mask_BT: Tensor, places_BP: Tensor | None) -> Tensor:
        """The words themselves."""
        return h_BTD


class Classification(Family):
    """A label for the sentence, from the mean of its word vectors."""

    level = "sentence"

    def targets(self, labels: Sequence[Any], index: dict[str, int]) -> list[list[int]]:
        """One number a sentence."""
        return [[_number(label, index)] for label in labels]

    def units(self, h_BTD: Tensor, mask_BT: Tensor, places_BP: Tensor | None) -> Tensor:
        """Mean over the words that are there."""
        mask_BT1 = mask_BT[..., None].to(h_BTD.dtype)
        mean_BD = (h_BTD * mask_BT1).sum(1) / mask_BT1.sum(1).clamp(min=1)
        return mean_BD[:, None]


class Pair(Classification):
    """A label for two marked words, in one text or in two."""

    def units(self, h_BTD: Tensor, mask_BT: Tensor, places_BP: Tensor | None) -> Tensor:
        """How the two words differ and agree, dimension by dimension."""
        import torch

        if places_BP is None:
            raise DataError("has no marked words", where="family pair", mend="give `places`")
        rows_B = torch.arange(len(h_BTD), device=h_BTD.device)
        first_BD, second_BD = (h_BTD[rows_B, places_BP[:, side]] for side in (0, 1))
        return torch.cat([(first_BD - second_BD).abs(), first_BD * second_BD], dim=-1)[:, None]

    def width(self, dim: int) -> int:
        """2 D."""
        return 2 * dim


def _number(label: Any, index: dict[str, int]) -> int:
    return IGNORE if label is None else index.get(label, len(index))


FAMILIES: dict[str, Family] = {
    "tagging": Tagging(),
    "classification": Classification(),
    "pair": Pair(),
}


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
