"""What a difference between two systems says: of other seeds and other items.

A score varies with the seed (initialisation, order, subset) and with the items that happen to be in
the test set. The difference d_s of two systems is taken seed by seed on the same items, a crossed
design. Its mean has the variance a + b of two sources,

    b = variance over resampled items of the mean over seeds, N - 1 degrees of freedom
    a = var(d_s) / S - c, not below 0, over seeds, S - 1 degrees of freedom; where other systems
        tell how seeds vary (moderation.py), their variance, with more degrees of freedom
    c = what is peculiar to a seed on an item, which both would count:
        (mean over seeds of the variance over resampled items of d_s, less b) / (S - 1)

and the interval is mean +- q sqrt(a + b) with q the mean of Student's quantiles for S - 1 and
N - 1, weighted by a and b (Cochran 1964, Approximate significance levels of the Behrens-Fisher
test). `make bench BENCH=stats_calibration` shows how well that holds. A test over seeds alone would
take what is peculiar to the test set for a property of the system; a test over items alone, luck of
the seed.

Shapes: S seeds, N items, B draws, M comparisons.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.special import stdtr, stdtrit

from polyseme.stats.seeds import LEVEL

POWER = 0.8
BISECTIONS = 60


class Variance(NamedTuple):
    """Of differences over seeds, with its degrees of freedom."""

    value: float
    freedom: float


@dataclass(frozen=True)
class Difference:
    """First less second system, in the mean over seeds.

    Attributes:
        low, high: ends of the interval; None where nothing tells how wide it is.
        p: of a true difference of 0, over seeds and items; None where there is no interval.
        sd_seeds, sd_items: standard error of the mean that each source accounts for.
        num_seeds, num_items: that both systems have; no items where predictions were not kept.
        freedom: degrees of freedom of the variance over seeds.
        p_items: by exchanging items, of these trained models alone; None where not asked for.
        p_mcnemar: smallest and largest of McNemar's test on each seed, where outcomes are binary.
    """

    mean: float
    low: float | None
    high: float | None
    p: float | None
    sd_seeds: float | None
    sd_items: float | None
    num_seeds: int
    num_items: int | None
    freedom: float = 0.0
    p_items: float | None = None
    p_mcnemar: tuple[float, float] | None = None

    def times(self, sign: float) -> Difference:
        """Of the scores times 1 or -1."""
        if sign > 0:
            return self
        low, high = (None if end is None else -end for end in (self.high, self.low))
        return replace(self, mean=-self.mean, low=low, high=high)

    @property
    def smallest_seen(self) -> float | None:
        """Difference that would be seen in four of five such comparisons, at the 5 % level."""
        if self.low is None or self.high is None:
            return None
        a, b = self._variances()
        t = _quantile((1 - LEVEL) / 2, a, b, self.freedom, self.num_items)
        return (t + _quantile(1 - POWER, a, b, self.freedom, self.num_items)) * math.sqrt(a + b)

    def _variances(self) -> tuple[float, float]:
        return (self.sd_seeds or 0.0) ** 2, (self.sd_items or 0.0) ** 2


def difference(
    by_seed: Sequence[float],
    resampled_SB: np.ndarray | None,
    num_items: int | None,
    known: Variance | None = None,
) -> Difference:
    """Of differences seed by seed, and the same on resampled test sets.

    Args:
        by_seed: d_s, at least one.
        resampled_SB: d_s on the same test sets in every row; None where predictions were not kept:
            then seeds are the one source.
        num_items: N.
        known: variance of d_s, as other systems tell it.

    Raises:
        ValueError: no seed.
    """
    if not len(by_seed):
        raise ValueError("no common seed")
    values_S = np.asarray(by_seed, dtype=float)
    num, mean = len(values_S), math.fsum(values_S) / len(values_S)
    over = known or Variance(float(values_S.var(ddof=1)) if num > 1 else 0.0, num - 1)
    a = over.value / num if num > 1 else None
    b = None
    if resampled_SB is not None:
        b = float(resampled_SB.mean(0).var(ddof=1))
        if a is not None:
            shared = (float(resampled_SB.var(axis=1, ddof=1).mean()) - b) / (num - 1)
            a = max(0.0, a - max(0.0, shared))
    items = num_items if b is not None else None
    sd_seeds, sd_items = (None if v is None else math.sqrt(v) for v in (a, b))
    if a is None and b is None:
        return Difference(mean, None, None, None, sd_seeds, sd_items, num, items, over.freedom)
    spread = (a or 0.0) + (b or 0.0)
    parts = (a or 0.0, b or 0.0, over.freedom, items)
    half = _quantile((1 - LEVEL) / 2, *parts) * math.sqrt(spread)
    ends = (mean - half, mean + half, _p(mean, *parts))
    return Difference(mean, *ends, sd_seeds, sd_items, num, items, over.freedom)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Corrected for the number of comparisons of one family (Holm 1979); None stays None."""
    known = sorted((p, n) for n, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, (p, n) in enumerate(known):
        highest = max(highest, min(1.0, (len(known) - rank) * p))
        corrected[n] = highest
    return corrected


def verdict(found: Difference | None, p: float | None) -> str:
    """In one word what the first system is: better, worse, or tie where p is above 5 %."""
    if found is None or p is None or p > 1 - LEVEL:
        return "tie"
    return "better" if found.mean > 0 else "worse"


def mcnemar(first_N: np.ndarray, second_N: np.ndarray) -> float:
    """Exact two-sided p of McNemar (1947): items that one of two systems alone got right."""
    from scipy.special import bdtr

    only_first = int((first_N & ~second_N).sum())
    only_second = int((second_N & ~first_N).sum())
    total = only_first + only_second
    if not total:
        return 1.0
    return min(1.0, 2 * float(bdtr(min(only_first, only_second), total, 0.5)))


def _quantile(tail: float, a: float, b: float, freedom: float, items: int | None) -> float:
    """Cochran's mean of the quantiles of Student that leave `tail` above them."""
    parts = [(a, freedom), (b, (items or 0) - 1)]
    found = [(v, -float(stdtrit(degrees, tail))) for v, degrees in parts if degrees > 0]
    total = sum(v for v, _ in found)
    if not total:
        return max((t for _, t in found), default=0.0)
    return sum(v * t for v, t in found) / total


def _p(mean: float, a: float, b: float, freedom: float, items: int | None) -> float:
    """Two-sided p at which the interval would just reach 0, by bisection of its logarithm."""
    spread = math.sqrt(a + b)
    if not spread:
        return 1.0 if mean == 0 else 0.0
    t = abs(mean) / spread
    if not a or not b:
        return 2 * float(stdtr(freedom if a else (items or 0) - 1, -t))
    low, high = -700.0, 0.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        if _quantile(math.exp(middle) / 2, a, b, freedom, items) > t:
            low = middle
        else:
            high = middle
    return math.exp(high)
