"""Resampled test sets and exchanged items, against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import permutation_test

from polyseme.stats import additive, resampling

NUM = 60


def _system(rate: float, seed: int) -> additive.Additive:
    right = np.random.default_rng(seed).random(NUM) < rate
    return additive.accuracy(right, np.arange(NUM), NUM)


def test_the_spread_of_an_accuracy_is_binomial():
    one = _system(0.7, 0)
    scores_ASB = resampling.bootstrap([[one]], 20_000)
    assert scores_ASB.shape == (1, 1, 20_000)
    wanted = np.sqrt(one.value * (1 - one.value) / NUM)
    assert scores_ASB.std() == pytest.approx(wanted, rel=0.03)
    assert scores_ASB.mean() == pytest.approx(one.value, abs=0.005)


def test_all_systems_meet_the_same_items_and_equal_ones_do_not_differ():
    a, b = _system(0.7, 0), _system(0.5, 1)
    scores_ASB = resampling.bootstrap([[a, b], [a, a]], 500)
    assert np.array_equal(scores_ASB[0, 0], scores_ASB[1, 1])
    assert not np.array_equal(scores_ASB[0, 1], scores_ASB[1, 1])


def test_draws_do_not_hang_on_the_size_of_blocks(monkeypatch):
    whole = resampling.bootstrap([[_system(0.7, 0)]], 100)
    monkeypatch.setattr(resampling, "BLOCK", 7 * NUM)
    assert np.array_equal(resampling.bootstrap([[_system(0.7, 0)]], 100), whole)


def test_exchanging_items_is_the_paired_permutation_test():
    a, b = _system(0.75, 3), _system(0.55, 4)
    null_B = resampling.permuted([a], [b], 20_000)
    found = resampling.p_value(a.value - b.value, null_B)
    right = [of.counts_NK[:, 0] for of in (a, b)]
    wanted = permutation_test(
        right,
        lambda x, y, axis: x.mean(axis=axis) - y.mean(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=20_000,
        rng=np.random.default_rng(0),
    )
    assert found == pytest.approx(wanted.pvalue, abs=0.01)
    assert 0 < found < 0.5


def test_all_seeds_of_an_item_are_exchanged_together():
    a, b = _system(1.0, 0), _system(0.0, 0)
    null_B = resampling.permuted([a, a], [b, b], 200)
    assert np.allclose(null_B, resampling.permuted([a], [b], 200))
    assert resampling.p_value(1.0, null_B) == pytest.approx(1 / 201)
