"""Seeds: mean, spread, Student intervals and paired differences."""

from __future__ import annotations

import pytest
from scipy import stats

from polyseme.stats.ranking import by_seeds
from polyseme.stats.seeds import summarize


def test_a_summary_is_the_textbook_one():
    values = [0.61, 0.64, 0.60]
    summary = summarize(values)
    low, high = stats.t.interval(0.95, 2, loc=sum(values) / 3, scale=stats.sem(values))
    assert (summary.num, summary.minimum, summary.maximum) == (3, 0.60, 0.64)
    assert summary.mean == pytest.approx(sum(values) / 3)
    assert summary.sd == pytest.approx(stats.tstd(values))
    assert (summary.low, summary.high) == pytest.approx((low, high))


def test_one_value_has_no_spread_and_no_interval():
    summary = summarize([0.5])
    assert (summary.mean, summary.sd, summary.low, summary.high) == (0.5, None, None, None)


def test_no_values_are_refused():
    with pytest.raises(ValueError, match="no values"):
        summarize([])


def test_pairing_goes_by_seed_not_by_position():
    first, second = {0: 0.9, 1: 0.5, 7: 0.1}, {1: 0.4, 0: 0.8, 9: 0.0}
    difference = by_seeds(first, second)
    assert difference is not None
    assert difference.num_seeds == 2
    assert difference.mean == pytest.approx(0.1)
    assert difference.sd_seeds == pytest.approx(0.0, abs=1e-12)


def test_pairing_sees_a_steady_gain_under_a_large_spread():
    first, second = {0: 0.50, 1: 0.60, 2: 0.70}, {0: 0.480, 1: 0.581, 2: 0.679}
    difference = by_seeds(first, second)
    assert difference is not None
    assert difference.p < 0.05


def test_no_common_seed_gives_no_difference():
    assert by_seeds({0: 1.0}, {1: 1.0}) is None
