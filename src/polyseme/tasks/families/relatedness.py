"""Relatedness: two texts as in `sentence_pair`, one number on a scale.

The head learns the squared error of numbers that run from -1 to 1 over the scale of the training
split, so that rates which suit a classifier suit it, too, whatever the scale of a data set. The
ends of a scale are what raters were told, and known before any score is; mean and deviation of all
training scores would tell a budget of 32 labels something about the others. Predictions are not
clipped to the scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from polyseme.errors import DataError
from polyseme.stats import additive
from polyseme.stats.additive import Additive
from polyseme.tasks.families import sentence_pair
from polyseme.tasks.families.base import IGNORE, Kept, Scored

if TYPE_CHECKING:
    from torch import Tensor


class Family(sentence_pair.Family):
    """A number for two texts.

    Attributes:
        low, high: ends of the scale.
    """

    main_metric = "pearson"
    metrics = ("pearson", "spearman")
    has_classes = False

    def __init__(self) -> None:
        self.low, self.high = -1.0, 1.0

    def fit(self, labels: Sequence[Any], *, task: str) -> list[str]:
        """Learn the scale."""
        self.low, self.high = float(min(labels)), float(max(labels))
        if self.low == self.high:
            raise DataError(f"has one score only: {self.low}", where=task, mend="check its source")
        return []

    def targets(self, labels: Sequence[Any], index: dict[str, int]) -> list[list[Any]]:
        """One score a pair, as it was given; one that is IGNORE moves by its last bit."""
        scores = [float(label) for label in labels]
        return [[np.nextafter(IGNORE, 0) if s == IGNORE else s] for s in scores]

    def num_outputs(self, num_labels: int) -> int:
        """One."""
        return 1

    def loss(self, logits_BUC: Tensor, targets_BU: Tensor) -> Tensor:
        """Mean squared error, with the scale brought to -1..1."""
        from torch.nn import functional as F

        wanted_BU = 2 * (targets_BU.float() - self.low) / (self.high - self.low) - 1
        return F.mse_loss(logits_BUC.squeeze(-1).float(), wanted_BU)

    def decode(self, logits_UC: Tensor) -> np.ndarray:
        """Scores of the units of one item, on the scale of the data set."""
        scores: np.ndarray = self.low + (logits_UC[:, 0].double().numpy() + 1) / 2 * (
            self.high - self.low
        )
        return scores

    def score(self, scored: Scored) -> dict[str, float]:
        """Correlations; 0 where all predictions, or all scores, are one number."""
        from scipy.stats import pearsonr, spearmanr

        gold_N, predicted_N = scored.gold_N, scored.predicted_N
        if min(np.ptp(gold_N), np.ptp(predicted_N)) == 0:
            return dict.fromkeys(self.metrics, 0.0)
        return {
            "pearson": float(pearsonr(gold_N, predicted_N).statistic),
            "spearman": float(spearmanr(gold_N, predicted_N).statistic),
        }

    def additive(self, metric: str, kept: Kept) -> Additive | None:
        """Pearson; Spearman with the ranks that a score has among all, not anew in each sample."""
        values = np.array([float(name) for name in kept.names])
        sides = [values[side] for side in (kept.gold_U, kept.predicted_U)]
        if metric == "spearman":
            from scipy.stats import rankdata

            sides = [rankdata(side) for side in sides]
        return additive.pearson(*sides) if metric in self.metrics else None
