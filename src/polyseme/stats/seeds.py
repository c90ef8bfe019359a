"""What several seeds say: mean, spread, Student intervals, paired differences and ties.

Intervals are those of Student (1908): mean +- t(level, n - 1) * sd / sqrt(n), with the sample
standard deviation (n - 1). Two systems are compared on the seeds that both have, seed by seed,
because a seed fixes order, initialisation and labelled subset alike. A tie is a paired difference
whose interval includes 0; with fewer than two common seeds there is no interval, so neither
system is called better. Departure from common practice: intervals are not corrected for the
number of comparisons, and say nothing about other pre-training runs or other test items.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
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

    @property
    def includes_zero(self) -> bool:
        """Whether 0 lies in the interval; true where there is no interval."""
        return self.low is None or self.high is None or self.low <= 0 <= self.high


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


def paired(
    first: Mapping[int, float], second: Mapping[int, float], *, level: float = LEVEL
) -> Summary | None:
    """Summary of `first - second` over the seeds that both have; None where they share none."""
    common = sorted(first.keys() & second.keys())
    if not common:
        return None
    return summarize([first[seed] - second[seed] for seed in common], level=level)


def _student(level: float, freedom: int) -> float:
    """Two-sided quantile of Student's t distribution."""
    from scipy.special import stdtrit  # scipy.stats costs a second of imports

    return float(stdtrit(freedom, 0.5 + level / 2))
