"""The formulas against what they count, one by one."""

from __future__ import annotations

import itertools
import statistics

import pytest

from polyseme.sweeps.expected import curve

VALUES = [0.3, 0.9, 0.9, 0.1, 0.55]


@pytest.mark.parametrize("lower", [False, True])
def test_expected_best_is_the_mean_over_all_draws_with_replacement(lower: bool) -> None:
    best = min if lower else max
    for point in curve(VALUES, lower_is_better=lower):
        drawn = [best(draw) for draw in itertools.product(VALUES, repeat=point.trials)]
        assert point.mean == pytest.approx(statistics.fmean(drawn))
        assert point.sd == pytest.approx(statistics.pstdev(drawn))


@pytest.mark.parametrize("lower", [False, True])
def test_unbiased_is_the_mean_over_all_subsets(lower: bool) -> None:
    best = min if lower else max
    for point in curve(VALUES, lower_is_better=lower):
        drawn = [best(draw) for draw in itertools.combinations(VALUES, point.trials)]
        assert point.unbiased == pytest.approx(statistics.fmean(drawn))


def test_many_trials_do_not_overflow() -> None:
    points = curve([n / 1000 for n in range(1000)])
    assert points[-1].unbiased == pytest.approx(0.999)
    assert all(0 <= point.unbiased < 1 for point in points)


@pytest.mark.parametrize("values", [[], [float("nan")], [1.0, float("inf")]])
def test_values_that_have_no_order_are_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        curve(values)
