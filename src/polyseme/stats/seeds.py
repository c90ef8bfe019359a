"""What several seeds say: mean, spread, Student intervals, paired differences and ties.

Intervals are those of Student (1908): mean +- t(level, n - 1) * sd / sqrt(n), with the sample
standard deviation (n - 1). They say nothing about other pre-training runs or other test items; how
two systems are compared stands in differences.py.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

LEVEL = 0.95


@dataclass(frozen=True)
class Summary:
    """Values of one measure over seeds; `sd`, `low` and `high` are None for a single value."""

    num: int
    mean: float
    sd: float | None
    minimum: float
    maximum: float
    low: float | None
    high: float | None


def summarize(values: Sequence[float], *, level: float = LEVEL) -> Summary:
    """Mean, sample standard deviation, range and Student interval of `values`.

    Raises:
        ValueError: no values.
    """
    if not values:
        raise ValueError("no values to summarise")
    mean = math.fsum(values) / len(values)
    if len(values) == 1:
        return Summary(1, mean, None, mean, mean, None, None)
    sd = statistics.stdev(values)
    half = _student(level, len(values) - 1) * sd / math.sqrt(len(values))
    return Summary(len(values), mean, sd, min(values), max(values), mean - half, mean + half)


def _student(level: float, freedom: int) -> float:
    """Two-sided quantile of Student's t distribution."""
    from scipy.special import stdtrit  # scipy.stats costs a second of imports

    return float(stdtrit(freedom, 0.5 + level / 2))
