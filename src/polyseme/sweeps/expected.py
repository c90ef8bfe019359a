r"""Expected best of n trials.

Dodge et al. 2019, "Show Your Work: Improved Reporting of Experimental Results", section 3.1: with
the values v_(1) <= ... <= v_(B) of B trials and their empirical distribution F, the best of n
trials drawn from it with replacement has the expectation

    E[V*_n] = sum_i v_(i) (F(v_(i))^n - F(v_(i-1))^n) = sum_i v_(i) ((i/B)^n - ((i-1)/B)^n),

and the variance that follows from the same weights. Drawing with replacement is biased downwards;
Tang et al. 2020, "Showing Your Work Doesn't Always Work", draw without it, which is unbiased for
n <= B:

    U_n = sum_i v_(i) C(i-1, n-1) / C(B, n).

Both suppose trials that do not hang on each other: random search. For a sampler that learns they
describe its trials in random order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Expected(NamedTuple):
    """Expected best of `trials` trials.

    Attributes:
        mean: with replacement, after Dodge et al. 2019.
        sd: standard deviation of the best, the same way.
        unbiased: without replacement, after Tang et al. 2020.
    """

    trials: int
    mean: float
    sd: float
    unbiased: float


def curve(values: Sequence[float], *, lower_is_better: bool = False) -> list[Expected]:
    """Expected best of 1, 2, ..., B trials, from the values of B trials.

    Raises:
        ValueError: no values, or one that is not finite.
    """
    sign = -1.0 if lower_is_better else 1.0
    sorted_B = np.sort(sign * np.asarray(values, dtype=np.float64))
    if not len(sorted_B) or not np.isfinite(sorted_B).all():
        raise ValueError("expected best of finite values, at least one")
    return [_expected(sorted_B, n, sign) for n in range(1, len(sorted_B) + 1)]


def _expected(sorted_B: np.ndarray, n: int, sign: float) -> Expected:
    total = len(sorted_B)
    ranks = np.arange(total + 1) / total
    weights_B = np.diff(ranks**n)
    mean = float(weights_B @ sorted_B)
    variance = float(weights_B @ (sorted_B - mean) ** 2)
    unbiased = float(_without_replacement(total, n) @ sorted_B)
    return Expected(n, sign * mean, variance**0.5, sign * unbiased)


def _without_replacement(total: int, n: int) -> np.ndarray:
    """C(i-1, n-1) / C(total, n) for i = 1 ... total, without large numbers."""
    weights = np.zeros(total)
    weights[-1] = n / total
    for i in range(total - 1, n - 1, -1):
        weights[i - 1] = weights[i] * (i - n + 1) / i
    return weights
