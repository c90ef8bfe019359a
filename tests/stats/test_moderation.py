"""Variances of few runs: what the common one adds, and where it adds nothing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import polygamma

from polyseme.stats import moderation
from polyseme.stats.moderation import moderate


def test_equal_true_variances_give_many_degrees_of_freedom():
    values = np.random.default_rng(0).chisquare(2, 400) / 2 * 0.04
    found = moderate(values, 2)
    assert found.freedom > 10
    raised = np.array(found.variances)[values < 0.02]
    assert raised.min() > 0.025  # the small ones are lifted towards the common one, 0.04


def test_the_prior_of_smyth_is_found_again():
    rng = np.random.default_rng(1)
    prior, common, freedom = 6.0, 0.01, 4
    true = prior * common / rng.chisquare(prior, 20_000)
    values = true * rng.chisquare(freedom, 20_000) / freedom
    found = moderate(values, freedom)
    assert found.freedom - freedom == pytest.approx(prior, rel=0.15)
    mixed = (prior * common + freedom * values) / (prior + freedom)
    assert np.allclose(found.variances, np.maximum(mixed, values), rtol=0.1)


def test_a_variance_is_never_lowered_and_few_or_none_are_left_alone():
    values = [0.5, 0.001, 0.002, 0.0015]
    found = moderate(values, 2)
    assert all(a >= b for a, b in zip(found.variances, values, strict=True))
    assert moderate([0.1, 0.2], 2) == moderation.Moderated((0.1, 0.2), 2.0)
    assert moderate([0.0] * 5, 2) == moderation.Moderated((0.0,) * 5, 2.0)
    assert moderate([], 2).variances == ()
    assert min(moderate([0.0, 0.0, 0.1, 0.1, 0.1], 2).variances) > 0


@pytest.mark.parametrize("value", [0.01, 1.0, 20.0])
def test_the_trigamma_function_is_inverted(value):
    assert polygamma(1, moderation._inverse_trigamma(value)) == pytest.approx(value)
