"""Scores that follow from sums over items, so that resampling items is one matrix product.

Accuracy, F1 (macro, of spans, of relations), Matthews correlation and Pearson correlation are all
functions of sums over the items of a test set: right answers, true positives, first and second
moments. A resampled test set has other weights of the same items; its sums are weights x counts,
for thousands of resamples at once, and the score of each follows from its sums.

Shapes: N items, K sums, C labels, X any dimensions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Score = Callable[[np.ndarray], np.ndarray]
"""From sums_XK to scores_X."""


@dataclass(frozen=True)
class Additive:
    """Counts of every item, and the score of their sums.

    Attributes:
        counts_NK: bytes where whole and small enough, else float64.
        score: of sums_XK.
    """

    counts_NK: np.ndarray
    score: Score

    @property
    def value(self) -> float:
        """Of all items, each once."""
        return float(self.score(self.counts_NK.sum(0, dtype=float)))


def per_item(values_UK: np.ndarray, item_U: np.ndarray, num_items: int) -> np.ndarray:
    """Sums of the units of each item, counts_NK."""
    counts_NK = np.zeros((num_items, values_UK.shape[1]))
    np.add.at(counts_NK, item_U, values_UK)
    is_small = counts_NK.max(initial=0) < 2**8 and bool((counts_NK == counts_NK.round()).all())
    return counts_NK.astype(np.uint8) if is_small else counts_NK


def accuracy(right_U: np.ndarray, item_U: np.ndarray, num_items: int) -> Additive:
    """Share of units that are right."""
    values_U2 = np.stack([right_U, np.ones(len(right_U))], axis=1)
    return Additive(per_item(values_U2, item_U, num_items), ratio)


def macro_f1(
    gold_U: np.ndarray, predicted_U: np.ndarray, item_U: np.ndarray, num_items: int, num_labels: int
) -> Additive:
    """F1 averaged over the labels in gold or prediction; a number outside 0..C-1 is no label."""
    columns = [_one_hot(numbers_U, num_labels) for numbers_U in (gold_U, predicted_U)]
    values_U = np.concatenate([columns[0] * columns[1], columns[0] + columns[1]], axis=1)
    return Additive(per_item(values_U, item_U, num_items), _macro_f1)


def matthews(
    gold_U: np.ndarray, predicted_U: np.ndarray, item_U: np.ndarray, num_items: int, num_labels: int
) -> Additive:
    """Correlation of classes (Gorodkin 2004); 0 where one side is all of one class."""
    gold_UC, predicted_UC = (_one_hot(n, num_labels) for n in (gold_U, predicted_U))
    right_U1 = (gold_U == predicted_U).astype(float)[:, None]
    values_U = np.concatenate([right_U1, np.ones_like(right_U1), gold_UC, predicted_UC], axis=1)
    return Additive(per_item(values_U, item_U, num_items), _matthews)


def pearson(gold_N: np.ndarray, predicted_N: np.ndarray) -> Additive:
    """Correlation of one value an item; 0 where one side does not vary."""
    x, y = gold_N - gold_N.mean(), predicted_N - gold_N.mean()  # the same, but rounds less
    return Additive(np.stack([np.ones(len(x)), x, y, x * x, y * y, x * y], axis=1), _pearson)


def ratio(sums_XK: np.ndarray) -> np.ndarray:
    """First sum by second; 0 where that is 0."""
    return _divided(sums_XK[..., 0], sums_XK[..., 1])


def dice(sums_XK: np.ndarray) -> np.ndarray:
    """2 tp / (gold + predicted), micro F1, of sums (tp, gold + predicted)."""
    return _divided(2 * sums_XK[..., 0], sums_XK[..., 1])


def mean_dice(sums_XK: np.ndarray) -> np.ndarray:
    """Mean F1 over all labels, also those that do not occur; half the sums are tp."""
    half = sums_XK.shape[-1] // 2
    found: np.ndarray = _divided(2 * sums_XK[..., :half], sums_XK[..., half:]).mean(-1)
    return found


def _macro_f1(sums_XK: np.ndarray) -> np.ndarray:
    half = sums_XK.shape[-1] // 2
    total_XC = sums_XK[..., half:]
    f1_XC = _divided(2 * sums_XK[..., :half], total_XC)
    return _divided(f1_XC.sum(-1), (total_XC > 0).sum(-1))


def _matthews(sums_XK: np.ndarray) -> np.ndarray:
    right_X, total_X = sums_XK[..., 0], sums_XK[..., 1]
    half = (sums_XK.shape[-1] - 2) // 2
    gold_XC, predicted_XC = sums_XK[..., 2 : 2 + half], sums_XK[..., 2 + half :]
    product_X = right_X * total_X - (gold_XC * predicted_XC).sum(-1)
    spread_X = (total_X**2 - (gold_XC**2).sum(-1)) * (total_X**2 - (predicted_XC**2).sum(-1))
    return _divided(product_X, np.sqrt(spread_X.clip(min=0)))


def _pearson(sums_XK: np.ndarray) -> np.ndarray:
    n, x, y, xx, yy, xy = np.moveaxis(sums_XK, -1, 0)
    spread = ((n * xx - x * x) * (n * yy - y * y)).clip(min=0)
    return _divided(n * xy - x * y, np.sqrt(spread))


def _one_hot(numbers_U: np.ndarray, num_labels: int) -> np.ndarray:
    found: np.ndarray = (numbers_U[:, None] == np.arange(num_labels)).astype(float)
    return found


def _divided(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    upper, lower = np.asarray(upper, dtype=float), np.asarray(lower, dtype=float)
    return np.divide(upper, lower, out=np.zeros_like(upper), where=lower > 0)
