"""Probability of improvement: how often one system beats another in one run on one task.

P(X > Y) = mean over tasks of the share of pairs of runs in which X is better, ties half (Agarwal et
al. 2021, section 4.3; the statistic of Mann and Whitney). The interval resamples runs within each
task (stratified percentile bootstrap, as there); the tasks are those of the report, not a sample.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from polyseme.draws import philox

DRAWS, STREAM = 2_000, 23


@dataclass(frozen=True)
class Improvement:
    """Probability with its 95 % interval, and the tasks that both systems were run on."""

    value: float
    low: float
    high: float
    num_tasks: int


def improvement(
    first: Mapping[str, Sequence[float]], second: Mapping[str, Sequence[float]], *, seed: int = 0
) -> Improvement | None:
    """Of the first system over the second; None where they share no task.

    Args:
        first, second: task -> scores of the runs, higher is better.
    """
    rng, sums, mean = philox(seed, STREAM), np.zeros(DRAWS), 0.0
    tasks = sorted(first.keys() & second.keys())
    if not tasks:
        return None
    for task in tasks:
        x, y = np.asarray(first[task]), np.asarray(second[task])
        wins_XY = np.sign(x[:, None] - y) / 2 + 0.5
        mean += float(wins_XY.mean())
        counts_BX, counts_BY = (_resampled(rng, len(side)) for side in (x, y))
        sums += np.einsum("bx,xy,by->b", counts_BX, wins_XY, counts_BY) / len(x) / len(y)
    low, high = np.quantile(sums / len(tasks), [0.025, 0.975])
    return Improvement(mean / len(tasks), float(low), float(high), len(tasks))


def _resampled(rng: np.random.Generator, size: int) -> np.ndarray:
    """How often each of `size` runs is drawn, counts_BS."""
    return rng.multinomial(size, np.full(size, 1 / size), size=DRAWS)
