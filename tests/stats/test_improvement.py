"""Probability of improvement, against Mann and Whitney's U of scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from polyseme.stats.improvement import improvement

RNG = np.random.default_rng(0)
FIRST = {"a": RNG.normal(0.6, 0.1, 5), "b": RNG.normal(0.5, 0.1, 7), "alone": [0.1]}
SECOND = {"a": RNG.normal(0.5, 0.1, 4), "b": RNG.normal(0.5, 0.1, 5)}


def test_it_is_the_mean_over_tasks_of_the_share_of_wins():
    found = improvement(FIRST, SECOND)
    wanted = [mannwhitneyu(FIRST[t], SECOND[t]).statistic / (len(FIRST[t]) * len(SECOND[t]))
              for t in "ab"]  # fmt: skip
    assert found.value == pytest.approx(np.mean(wanted))
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.num_tasks == 2


def test_equal_runs_are_a_toss_up_and_turning_it_gives_the_rest():
    assert improvement({"a": [1, 1]}, {"a": [1, 1]}).value == 0.5
    assert improvement(FIRST, SECOND).value == pytest.approx(1 - improvement(SECOND, FIRST).value)


def test_without_a_common_task_there_is_none():
    assert improvement({"a": [1.0]}, {"b": [1.0]}) is None
