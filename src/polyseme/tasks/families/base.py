"""What fine-tuning, probes and baselines ask of a family of tasks.

Shapes: B items, T words, D dimensions, P marked words, U units an item of Q parts, E dimensions of
a unit, C outputs, N scored units.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from polyseme import items
from polyseme.errors import DataError
from polyseme.stats import additive
from polyseme.stats.additive import Additive
from polyseme.tasks.base import label_names

if TYPE_CHECKING:
    from torch import Tensor

IGNORE = -100
MOST_SUMS = 20_000_000
"""Numbers of a test; beyond them a metric of labels is not resampled."""
Choices = Sequence[Sequence[int]]
"""Of each unit of an item: numbers of the labels that it may have."""


def matthews(gold_N: np.ndarray, predicted_N: np.ndarray) -> float:
    """Matthews correlation (1975) of classes; 0 where all predictions are one class."""
    from sklearn.metrics import matthews_corrcoef

    return float(matthews_corrcoef(gold_N, predicted_N))


METRICS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {"matthews": matthews}
"""Metrics of classes that are measured where a task names one as its main metric."""


class Scored(NamedTuple):
    """Units that have a label, of one split, in the order of its items.

    Attributes:
        item_N: number of the item that a unit belongs to.
        unit_N: place of the unit in its item.
        gold_N: label numbers, or values.
        predicted_N: the same of a model.
        labels: names of the labels, by number; empty where values are predicted. Those after the
            outputs of a head do not occur in training.
    """

    item_N: np.ndarray
    unit_N: np.ndarray
    gold_N: np.ndarray
    predicted_N: np.ndarray
    labels: Sequence[str] = ()

    def name(self, number: float) -> str:
        """Name of a label; the number after the last stands for one unseen in training."""
        if not len(self.labels):
            return repr(float(number))
        if number == IGNORE:
            return "<none>"
        return self.labels[int(number)] if number < len(self.labels) else "<unseen>"


class Family(ABC):
    """The algorithm that the tasks of a family share.

    Attributes:
        main_metric: by which representations are compared.
        metrics: names of what `score` measures.
        level: `word` where units are single words of a type, which control tasks need; else
            `sentence`.
        pools: whether a unit is the mean of all words, which a strategy may pool otherwise.
        has_classes: whether labels are names; else they are numbers on a scale.
        probed_only: whether nothing is ever fine-tuned for its tasks.
        names_unseen: whether labels that training lacks keep their names, because the score reads
            them; else they are one and the same.
    """

    main_metric: ClassVar[str] = "accuracy"
    metrics: ClassVar[tuple[str, ...]] = ("accuracy", "macro_f1")
    level: ClassVar[str]
    has_classes: ClassVar[bool] = True
    pools: ClassVar[bool] = False
    names_unseen: ClassVar[bool] = False
    probed_only: ClassVar[bool] = False

    def fit(self, labels: Sequence[Any], *, task: str) -> list[str]:
        """Learn from the labels of the training split what there is to predict.

        Returns:
            Names of the labels, by number; none where values are predicted.

        Raises:
            DataError: there is nothing to tell apart.
        """
        names = label_names(labels)
        require_labels(names, task=task)
        return names

    @abstractmethod
    def targets(self, labels: Sequence[Any], index: dict[str, int]) -> list[list[Any]]:
        """Label numbers (or values) of each item's units.

        IGNORE where there is no label; a number that nothing can predict where the label does not
        occur in training.
        """

    @abstractmethod
    def parts(self, h_BTD: Tensor, mask_BT: Tensor, places_BP: Tensor | None) -> Tensor:
        """What a unit is made of, h_BUQD: Q parts, each chosen or averaged from the words.

        It is linear in h, so that it can be taken once for each layer, before layers are mixed.

        Args:
            places_BP: words that the label is about; None where it is about all.
        """

    def combine(self, h_XQD: Tensor) -> Tensor:
        """Vectors of units from their parts, h_XE: E = width(D); X stands for any dimensions."""
        return h_XQD.flatten(-2)

    def units(self, h_BTD: Tensor, mask_BT: Tensor, places_BP: Tensor | None) -> Tensor:
        """Vectors of the units of each item, h_BUE."""
        return self.combine(self.parts(h_BTD, mask_BT, places_BP))

    def width(self, dim: int) -> int:
        """E, for representations of D dimensions."""
        return dim

    def num_outputs(self, num_labels: int) -> int:
        """C, for a task with so many labels."""
        return num_labels

    def loss(self, logits_BUC: Tensor, targets_BU: Tensor) -> Tensor:
        """Mean over the units that have a label; cross-entropy."""
        from torch.nn import functional as F

        flat = logits_BUC.flatten(0, 1).float()
        return F.cross_entropy(flat, targets_BU.flatten(), ignore_index=IGNORE)

    def decode(self, logits_UC: Tensor) -> np.ndarray:
        """Label numbers (or values) of the units of one item."""
        best: np.ndarray = logits_UC.argmax(-1).numpy()
        return best

    def alternatives(self, label: str) -> list[str]:
        """Labels that are all right where an item has this one."""
        return [label]

    def marked(self, places: Sequence[int]) -> list[int]:
        """The words that are marked in an item, from its places."""
        return list(places)

    def right(
        self, gold_N: np.ndarray, predicted_N: np.ndarray, names: Sequence[str]
    ) -> np.ndarray:
        """Which predicted labels are right; `names` are those of the labels, by number."""
        right_N: np.ndarray = gold_N == predicted_N
        return right_N

    def score(self, scored: Scored) -> dict[str, float]:
        """Metrics by name; accuracy, and F1 averaged over the labels in gold or prediction."""
        from sklearn.metrics import accuracy_score, f1_score

        gold, predicted = scored.gold_N, scored.predicted_N
        return {
            "accuracy": float(accuracy_score(gold, predicted)),
            "macro_f1": float(f1_score(gold, predicted, average="macro", zero_division=0)),
        }

    def additive(self, metric: str, kept: Kept) -> Additive | None:
        """A metric as sums over items, for tests; None where it is none.

        A family whose main metric is another one gives it here.
        """
        codes = kept.gold_U, kept.predicted_U
        if metric == "accuracy":
            return additive.accuracy(codes[0] == codes[1], kept.item_U, kept.num_items)
        fits = len(kept.names) * kept.num_items <= MOST_SUMS
        if metric in ("macro_f1", "matthews") and fits:
            made = additive.macro_f1 if metric == "macro_f1" else additive.matthews
            return made(*codes, kept.item_U, kept.num_items, len(kept.names))
        return None


class Kept(NamedTuple):
    """Predictions of one cell as they were kept: units in the order of their items.

    Attributes:
        item_U, unit_U: number of the item, from 0 without gaps, and place in it.
        gold_U, predicted_U: numbers of labels.
        names: of the labels, by these numbers.
        num_items: items of the split that have a unit.
    """

    item_U: np.ndarray
    unit_U: np.ndarray
    gold_U: np.ndarray
    predicted_U: np.ndarray
    names: Sequence[str]
    num_items: int


def mean(h_BTD: Tensor, mask_BT: Tensor) -> Tensor:
    """Mean over the words of a mask, h_BD; zero where there is none."""
    mask_BT1 = mask_BT[..., None].to(h_BTD.dtype)
    return (h_BTD * mask_BT1).sum(1) / mask_BT1.sum(1).clamp(min=1)


def number(label: Any, index: dict[str, int]) -> int:
    """Number of a label, IGNORE where there is none."""
    return IGNORE if label is None else index.get(label, len(index))


def is_trainable(name: str) -> bool:
    """Whether a family has labels to train on; intrinsic measures have none."""
    return name in items.available("family")


def get(name: str) -> Family:
    """A family by its name."""
    family: Family = items.load("family", name).Family()
    return family


def pad_targets(targets: Sequence[Sequence[Any]]) -> Tensor:
    """Targets as a tensor, IGNORE in the padding."""
    import torch

    longest = max(len(t) for t in targets)
    return torch.tensor([[*t, *[IGNORE] * (longest - len(t))] for t in targets])


def pad_places(places: Sequence[Sequence[int]]) -> Tensor:
    """Marked words as a tensor places_BP; word 0, which has no label, in the padding."""
    import torch

    longest = max(len(p) for p in places)
    return torch.tensor([[*p, *[0] * (longest - len(p))] for p in places])


def restrict(logits_UC: Tensor, choices: Choices) -> Tensor:
    """Scores in which only the labels that each unit may have are finite."""
    restricted_UC = logits_UC.new_full(logits_UC.shape, -math.inf)
    for unit, numbers in enumerate(choices):
        restricted_UC[unit, list(numbers)] = logits_UC[unit, list(numbers)]
    return restricted_UC


def require_labels(names: Sequence[str], *, task: str) -> None:
    """Refuse a task that has nothing to tell apart.

    Raises:
        DataError: fewer than two labels in the training split.
    """
    if len(names) < 2:  # noqa: PLR2004
        found = ", ".join(map(repr, names)) or "none"
        raise DataError(f"has one label only: {found}", where=task, mend="check its source")
