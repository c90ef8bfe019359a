"""Rank correlations and their intervals, draw by draw as scipy has them."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy.stats import spearmanr

from polyseme.intrinsic.common import bootstrap
from polyseme.intrinsic.common.bootstrap import Spearman


@pytest.mark.parametrize("ties", [False, True])
def test_each_draw_has_the_correlation_that_scipy_gives(
    random: np.random.Generator, ties: bool
) -> None:
    gold_N = random.normal(size=40)
    found_N = gold_N + random.normal(size=40)
    if ties:
        gold_N, found_N = gold_N.round(), found_N.round()
    value, found = Spearman(gold_N, 200)(found_N)
    assert value == pytest.approx(spearmanr(found_N, gold_N).statistic, abs=1e-12)
    drawn = [np.repeat(np.arange(40), count) for count in bootstrap.counts(40, 200)]
    assert {len(d) for d in drawn} == {40}
    expected = [spearmanr(found_N[d], gold_N[d]).statistic for d in drawn]
    assert found == pytest.approx(tuple(np.percentile(expected, [2.5, 97.5])), abs=1e-9)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    covered = 0
    for number in range(100):
        random = np.random.default_rng(number)
        both = random.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], size=60)
        _, (low, high) = Spearman(both[:, 0], 200)(both[:, 1])
        truth = 6 / np.pi * np.arcsin(0.25)
        assert low is not None and high is not None
        covered += low < truth < high
    assert 88 <= covered <= 99


def test_a_correlation_without_variation_is_undefined() -> None:
    nothing = (None, (None, None))
    assert Spearman(np.arange(5), 10)(np.zeros(5)) == nothing
    assert Spearman(np.zeros(5), 10)(np.arange(5)) == nothing
    assert Spearman(np.ones(1), 10)(np.ones(1)) == nothing
    assert Spearman(np.ones(0), 10)(np.ones(0)) == nothing


def test_the_interval_of_a_ratio_is_over_its_groups() -> None:
    tops, bottoms = np.array([1.0, 0.0, 4.0]), np.array([2.0, 1.0, 4.0])
    drawn = bootstrap.counts(3, 500).astype(float)
    expected = [d @ tops / (d @ bottoms) for d in drawn]
    found = bootstrap.of_ratio(tops, bottoms, 500)
    assert found == pytest.approx(tuple(np.percentile(expected, [2.5, 97.5])))


def test_a_thousand_draws_of_three_thousand_pairs_are_quick(random: np.random.Generator) -> None:
    correlate = Spearman(random.normal(size=3000).round(1), 1000)
    correlate(random.normal(size=3000))
    start = time.process_time()
    correlate(random.normal(size=3000))
    assert time.process_time() - start < 2
