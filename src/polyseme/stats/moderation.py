"""Variances of few runs, drawn to what is common to many systems.

With three seeds a variance is hardly known: by chance it is a tenth of the truth in one of ten
systems, which then seem to be certain. Systems of one task are run in the same way, so their
variances are taken as draws around a common one (empirical Bayes, Smyth 2004, Linear models and
empirical Bayes methods, section 6.2): each is replaced by the mean of itself, with its own degrees
of freedom, and of the common one, with as many more as the spread of all variances supports: few
where systems really differ. A variance that is larger by itself stays as it is, so that an unsteady
system is never taken for a steady one (a departure from Smyth, on the careful side).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, polygamma

FEWEST = 3
"""Systems that have something in common."""
MOST = 1e4
"""Degrees of freedom that stand for a known variance."""
SMALLEST = 1e-3
"""Share of the median below which a variance counts as so much: scores come in steps."""
STEPS = 60


@dataclass(frozen=True)
class Moderated:
    """Variances after moderation, and the degrees of freedom of each."""

    variances: tuple[float, ...]
    freedom: float


def moderate(variances: Sequence[float], freedom: int) -> Moderated:
    """Moderate variances that have so many degrees of freedom each.

    Too few of them, or none above 0, stay as they are.
    """
    values = np.asarray(variances, dtype=float)
    middle = float(np.median(values)) if len(values) else 0.0
    if len(values) < FEWEST or middle <= 0 or freedom < 1:
        return Moderated(tuple(values.tolist()), float(freedom))
    log = np.log(values.clip(min=SMALLEST * middle))
    centred = log - float(digamma(freedom / 2)) + math.log(freedom / 2)
    extra = float(centred.var(ddof=1)) - float(polygamma(1, freedom / 2))
    prior = min(MOST, 2 * _inverse_trigamma(extra)) if extra > 0 else MOST
    common = math.exp(centred.mean() + float(digamma(prior / 2)) - math.log(prior / 2))
    mixed = (prior * common + freedom * values) / (prior + freedom)
    return Moderated(tuple(np.maximum(mixed, values).tolist()), prior + freedom)


def _inverse_trigamma(value: float) -> float:
    """Where the trigamma function has this value, by bisection: it falls from infinity to 0."""
    low, high = 1e-6, MOST
    for _ in range(STEPS):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if float(polygamma(1, middle)) > value else (low, middle)
    return math.sqrt(low * high)
