"""Intervals of 95 % by bootstrap over items (Efron and Tibshirani 1993, section 13.3).

Items are drawn with replacement; a draw is told by how often it has each item. A rank correlation
needs no new sorting then: mid-ranks of a draw follow from sums of counts in the order of the whole.

Shapes: N items, B draws, G groups of items of equal value.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from polyseme.draws import philox

Interval = tuple[float | None, float | None]
NONE: Interval = (None, None)
STREAM = 31
BLOCK = 100
PERCENTS = (2.5, 97.5)


@lru_cache(maxsize=4)
def counts(num_items: int, num_draws: int) -> np.ndarray:
    """How often each draw has each item, counts_BN; the same for the same numbers."""
    found_BN = np.empty((num_draws, num_items), dtype=np.uint16)
    for draw in range(num_draws):
        drawn = philox(0, STREAM, num_items, draw).integers(num_items, size=num_items)
        found_BN[draw] = np.bincount(drawn, minlength=num_items)
    return found_BN


class Spearman:
    """Rank correlation with the same gold scores, many times.

    Args:
        gold_N: scores.
        num_draws: of the bootstrap.
    """

    def __init__(self, gold_N: np.ndarray, num_draws: int) -> None:
        self.num_items, self.num_draws = len(gold_N), num_draws
        self._gold = _Order(gold_N)

    def __call__(self, found_N: np.ndarray) -> tuple[float | None, Interval]:
        """The value and its interval; None where there is no variation, or fewer than two items."""
        order = _Order(found_N)
        value = self._correlations(order, np.ones((1, self.num_items), dtype=np.uint16))[0]
        if np.isnan(value):
            return None, NONE
        drawn_BN = counts(self.num_items, self.num_draws)
        blocks = range(0, self.num_draws, BLOCK)
        found = [self._correlations(order, drawn_BN[i : i + BLOCK]) for i in blocks]
        return float(value), interval(np.concatenate(found))

    def _correlations(self, order: _Order, counts_BN: np.ndarray) -> np.ndarray:
        """Pearson correlation of mid-ranks in each draw; nan where one side does not vary."""
        if self.num_items == 0:
            return np.full(len(counts_BN), np.nan)
        weights_BN = counts_BN.astype(np.float64)
        ours_BN, our_variance = order.centred(weights_BN)
        gold_BN, gold_variance = self._gold.centred(weights_BN)
        both = np.einsum("bn,bn,bn->b", weights_BN, ours_BN, gold_BN)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(both / np.sqrt(our_variance * gold_variance))


class _Order:
    """Values sorted once, from which mid-ranks of any draw follow."""

    def __init__(self, values_N: np.ndarray) -> None:
        self._sorted = np.argsort(values_N, kind="stable")
        _, self._group_N, sizes_G = np.unique(values_N, return_inverse=True, return_counts=True)
        self._ends_G = np.cumsum(sizes_G) - 1

    def centred(self, weights_BN: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mid-ranks less their mean, of each item in each draw, and their sum of squares."""
        until_BG = np.cumsum(weights_BN[:, self._sorted], 1)[:, self._ends_G]
        number_BG = np.diff(until_BG, axis=1, prepend=0.0)
        middle = weights_BN.shape[1] / 2
        ranks_BG = until_BG - number_BG / 2 - middle
        return ranks_BG[:, self._group_N], np.einsum("bg,bg,bg->b", number_BG, ranks_BG, ranks_BG)


def interval(drawn_B: np.ndarray) -> Interval:
    """Percentiles of what was drawn; draws without a value are left out."""
    drawn_B = drawn_B[np.isfinite(drawn_B)]
    if not len(drawn_B):
        return NONE
    low, high = np.percentile(drawn_B, PERCENTS)
    return float(low), float(high)


def of_ratio(tops_N: np.ndarray, bottoms_N: np.ndarray, num_draws: int) -> Interval:
    """Interval of sum(tops) / sum(bottoms): a mean whose items come in groups."""
    drawn_BN = counts(len(tops_N), num_draws).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return interval(drawn_BN @ tops_N / (drawn_BN @ bottoms_N))
