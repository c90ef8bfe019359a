"""Labels that a score takes, on curves made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyseme.stats.curves import Labels, budget, labels_to_reach, mean_curve, needed

RISING = {32: 0.5, 128: 0.6, 512: 0.8}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (0.55, Labels(64.0)),  # half-way between 32 and 128 on a logarithmic axis
        (0.6, Labels(128.0)),
        (0.7, Labels(256.0)),
        (0.8, Labels(512.0)),
        (0.5, Labels(32, "at most")),
        (0.1, Labels(32, "at most")),
        (0.81, Labels(512, "more than")),
    ],
)
def test_a_rising_curve_is_read_between_its_points(target: float, expected: Labels) -> None:
    found = labels_to_reach(RISING, target)
    assert (found.number, found.bound) == (pytest.approx(expected.number), expected.bound)


def test_a_curve_that_falls_and_rises_counts_from_the_first_time() -> None:
    curve = {32: 0.5, 64: 0.7, 128: 0.4, 256: 0.9}
    assert labels_to_reach(curve, 0.6).number == pytest.approx(2**5.5)
    assert labels_to_reach(curve, 0.8).number == pytest.approx(2**7.8)
    falling = {32: 0.7, 64: 0.6, 128: 0.5}
    assert labels_to_reach(falling, 0.65) == Labels(32, "at most")
    assert labels_to_reach(falling, 0.75) == Labels(128, "more than")


def test_a_flat_part_costs_its_beginning() -> None:
    assert labels_to_reach({8: 0.2, 16: 0.5, 64: 0.5, 128: 0.9}, 0.5) == Labels(pytest.approx(16.0))


def test_where_lower_is_better_the_curve_is_turned_over() -> None:
    losses = {size: -score for size, score in RISING.items()}
    assert labels_to_reach(losses, -0.55, lower_is_better=True) == Labels(pytest.approx(64.0))
    assert labels_to_reach(losses, -0.9, lower_is_better=True) == Labels(512, "more than")


@given(
    st.lists(st.integers(0, 1000), min_size=2, max_size=6, unique=True),
    st.floats(0.001, 0.999),
)
def test_a_rising_curve_agrees_with_numpy(thousandths: list[int], share: float) -> None:
    scores = sorted(n / 1000 for n in thousandths)
    sizes = [2**n for n in range(len(scores))]
    target = scores[0] + share * (scores[-1] - scores[0])
    expected = np.exp(np.interp(target, scores, np.log(sizes)))
    found = labels_to_reach(dict(zip(sizes, scores, strict=True)), target)
    assert found.number == pytest.approx(expected, rel=1e-6)


def test_one_point_says_at_most_or_more() -> None:
    assert labels_to_reach({100: 0.5}, 0.4) == Labels(100, "at most")
    assert labels_to_reach({100: 0.5}, 0.6) == Labels(100, "more than")


@pytest.mark.parametrize("curve", [{}, {0: 0.5, 1: 0.6}])
def test_what_is_no_curve_is_refused(curve: dict[int, float]) -> None:
    with pytest.raises(ValueError, match="no curve"):
        labels_to_reach(curve, 0.5)


def test_bounds_are_ordered_with_their_numbers() -> None:
    several = [Labels(512, "more than"), Labels(512.0), Labels(32, "at most"), Labels(64.0)]
    ordered = sorted(several, key=lambda labels: labels.rank)
    assert [(each.number, each.bound) for each in ordered] == [
        (32, "at most"),
        (64.0, ""),
        (512.0, ""),
        (512, "more than"),
    ]


def test_the_budget_is_the_wanted_one_or_the_smallest() -> None:
    assert budget([64, 128, 512], 128) == 128
    assert budget([510, 64], 128) == 64
    with pytest.raises(ValueError, match="empty"):
        budget([], 128)


def test_means_are_taken_where_all_seeds_have_a_score() -> None:
    curves = {0: {32: 0.4, 64: 0.6}, 1: {32: 0.6, 64: 0.8, 128: 0.9}}
    assert mean_curve(curves) == {32: pytest.approx(0.5), 64: pytest.approx(0.7)}
    assert mean_curve({}) == {}


def test_labels_that_are_needed_are_those_of_the_means_with_the_range_over_seeds() -> None:
    curves = {0: {32: 0.4, 128: 0.6}, 1: {32: 0.5, 128: 0.7}, 7: {32: 0.0, 128: 0.0}}
    found = needed(curves, {0: 0.65, 1: 0.55, 9: 1.0})  # seeds 0 and 1 are common
    assert found is not None
    assert found.mean == Labels(pytest.approx(2**6.5))  # means 0.45 to 0.65, target 0.6
    assert found.least == Labels(pytest.approx(2**5.5))
    assert found.most == Labels(128, "more than")
    assert needed(curves, {9: 0.1}) is None
    assert needed({}, {0: 0.1}) is None
