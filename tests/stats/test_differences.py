"""Intervals and p values, against scipy and published examples."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, t, ttest_1samp, ttest_rel

from polyseme.stats.differences import Difference, difference, holm, mcnemar

BY_SEED = [0.021, 0.034, 0.012, 0.027]
RESAMPLED = np.random.default_rng(0).normal(0.0235, 0.01, 5_000)[None].repeat(4, axis=0)
"""The same for all seeds: nothing is peculiar to a seed on an item."""


def test_seeds_alone_are_the_t_test():
    found = difference(BY_SEED, None, None)
    wanted = ttest_1samp(BY_SEED, 0)
    assert found.p == pytest.approx(wanted.pvalue)
    assert (found.low, found.high) == pytest.approx(wanted.confidence_interval())
    assert found.num_items is None


def test_items_alone_are_the_paired_t_test_where_the_spread_is_that_of_the_mean():
    rng = np.random.default_rng(1)
    first, second = rng.normal(0.1, 1, (2, 200))
    values = first - second
    scaled = (RESAMPLED[:1] - RESAMPLED[0].mean()) / RESAMPLED[0].std(ddof=1)
    draws = values.mean() + scaled * values.std(ddof=1) / np.sqrt(200)
    found = difference([values.mean()], draws, 200)
    assert found.p == pytest.approx(ttest_rel(first, second).pvalue)
    assert found.sd_seeds is None


def test_both_sources_add_up_and_neither_narrows_the_other():
    seeds, both = difference(BY_SEED, None, None), difference(BY_SEED, RESAMPLED, 400)
    a, b = seeds.sd_seeds**2, RESAMPLED[0].var(ddof=1)
    assert (both.sd_seeds, both.sd_items) == pytest.approx((a**0.5, b**0.5))
    quantile = (a * t.ppf(0.975, 3) + b * t.ppf(0.975, 399)) / (a + b)
    assert both.high - both.mean == pytest.approx(quantile * (a + b) ** 0.5)


def test_what_is_peculiar_to_a_seed_on_an_item_counts_once():
    # a balanced crossed design: right answers of every seed and item, seeds without effects
    rng = np.random.default_rng(3)
    values_SN = rng.normal(0, 1, (5, 300))
    weights_BN = rng.multinomial(300, np.full(300, 1 / 300), size=4_000)
    draws_SB = values_SN @ weights_BN.T / 300
    found = difference(values_SN.mean(1), draws_SB, 300)
    variance_of_mean = 1 / (5 * 300)
    assert found.sd_seeds**2 + found.sd_items**2 < 1.6 * variance_of_mean
    plain = difference(values_SN.mean(1), None, None)
    shared = (draws_SB.var(axis=1, ddof=1).mean() - draws_SB.mean(0).var(ddof=1)) / 4
    assert found.sd_seeds**2 == pytest.approx(max(0, plain.sd_seeds**2 - shared))


@pytest.mark.parametrize("shift", [-0.02, 0.0, 0.05])
def test_p_is_five_percent_where_the_interval_reaches_zero(shift):
    found = difference([d + shift for d in BY_SEED], RESAMPLED, 400)
    edge = difference([d + shift - found.low for d in BY_SEED], RESAMPLED, 400)
    assert edge.low == pytest.approx(0, abs=1e-12)
    assert edge.p == pytest.approx(0.05, abs=1e-9)
    assert (found.low <= 0 <= found.high) == (found.p > 0.05)


def test_one_seed_without_items_says_nothing_and_no_seed_is_refused():
    found = difference([0.5], None, None)
    assert (found.low, found.p, found.smallest_seen) == (None, None, None)
    with pytest.raises(ValueError, match="no common seed"):
        difference([], None, None)


def test_equal_systems_have_p_one_and_a_constant_difference_is_certain():
    nothing = np.zeros((2, 10))
    assert difference([0.0, 0.0], nothing, 5).p == 1
    assert difference([0.1, 0.1], nothing, 5).p == 0


def test_what_could_be_seen_is_found_four_times_of_five():
    rng = np.random.default_rng(2)
    seen = difference(BY_SEED, None, None).smallest_seen
    sd = np.std(BY_SEED, ddof=1)
    trials = [difference(rng.normal(seen, sd, 4), None, None).p <= 0.05 for _ in range(2_000)]
    assert np.mean(trials) == pytest.approx(0.8, abs=0.1)


def test_the_sign_turns_ends_but_no_spread():
    found = difference(BY_SEED, RESAMPLED, 400)
    turned = found.times(-1)
    assert (turned.mean, turned.low, turned.high) == (-found.mean, -found.high, -found.low)
    assert turned.p == found.p
    assert found.times(1) is found
    assert isinstance(turned, Difference)


def test_holm_is_that_of_its_paper():
    # Holm (1979): the smallest p times m, the next times m - 1, never falling, at most 1
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
    assert holm([None, 0.02, None, 0.04]) == [None, 0.04, None, 0.04]


@pytest.mark.parametrize("seed", range(5))
def test_mcnemar_is_the_binomial_test_of_what_differs(seed):
    rng = np.random.default_rng(seed)
    first, second = rng.random(90) < 0.7, rng.random(90) < 0.55
    only = int((first & ~second).sum()), int((second & ~first).sum())
    assert mcnemar(first, second) == pytest.approx(binomtest(only[0], sum(only)).pvalue)
    assert mcnemar(first, first) == 1
