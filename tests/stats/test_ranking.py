"""Ranking: the best mean leads, and differences within the spread over seeds are ties."""

from __future__ import annotations

import pytest

from polyseme.stats.differences import holm
from polyseme.stats.ranking import by_seeds, rank

NOISY = {0: 0.60, 1: 0.66, 2: 0.63}


def test_a_difference_within_the_spread_is_a_tie():
    ranking = rank({"word2vec": {0: 0.64, 1: 0.61, 2: 0.62}, "bert": NOISY})
    assert ranking.leader == "bert"
    assert [rival.name for rival in ranking.tied] == ["word2vec"]
    assert ranking.beaten == ()


def test_a_difference_beyond_the_spread_is_a_win():
    worse = {seed: value - 0.1 - 0.001 * seed for seed, value in NOISY.items()}
    ranking = rank({"random": worse, "bert": NOISY})
    assert [rival.name for rival in ranking.beaten] == ["random"]
    assert ranking.rivals[0].behind.mean == pytest.approx(0.101)


def test_one_seed_never_makes_a_winner():
    ranking = rank({"bert": {0: 0.9}, "random": {0: 0.1}})
    assert [rival.name for rival in ranking.tied] == ["random"]


def test_systems_without_a_common_seed_are_not_told_apart():
    ranking = rank({"bert": {0: 0.9, 1: 0.9}, "random": {2: 0.1, 3: 0.1}})
    assert ranking.tied[0].behind is None


def test_lower_is_better_turns_the_order_but_not_the_sign_of_being_behind():
    ranking = rank(
        {"a": {0: 2.0, 1: 2.1, 2: 2.0}, "b": {0: 1.0, 1: 1.1, 2: 1.01}}, lower_is_better=True
    )
    assert ranking.leader == "b"
    assert ranking.beaten[0].behind.mean > 0


def test_equal_means_go_by_name():
    assert rank({"b": {0: 1.0}, "a": {0: 1.0}}).leader == "a"


def test_nothing_to_rank_is_refused():
    with pytest.raises(ValueError, match="no systems"):
        rank({})


def test_the_family_is_that_of_all_pairs():
    systems = {name: {0: shift, 1: shift + 0.01, 2: shift - 0.005} for name, shift in
               (("a", 0.9), ("b", 0.8), ("c", 0.7), ("d", 0.6))}  # fmt: skip
    calls = []

    def compare(first, second):
        calls.append((first, second))
        return by_seeds(systems[first], systems[second])

    ranking = rank({**systems, "e": {0: 0.9, 1: 0.5, 2: 0.2}}, compare=lambda *_: None)
    assert len(ranking.others) == 6
    ranking = rank(systems, compare=compare)
    assert len(calls) == 6
    known = [rival.behind.p for rival in ranking.rivals] + list(ranking.others)
    assert [rival.p for rival in ranking.rivals] == holm(known)[:3]
