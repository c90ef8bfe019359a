"""Baselines that count."""

from __future__ import annotations

import numpy as np

from polyseme.baselines import majority, type_majority
from polyseme.baselines.base import Unit


def _units(words: str) -> list[Unit]:
    return [Unit(word, words) for word in words.split()]


def test_majority_and_type_majority() -> None:
    train, labels = _units("bank bank bank sea sea sky"), np.array([1, 1, 0, 0, 0, 0])
    test = _units("bank sea unseen")
    assert majority.predict(train, labels, test).tolist() == [0, 0, 0]
    assert type_majority.predict(train, labels, test).tolist() == [1, 0, 0]


def test_a_tie_goes_to_the_smaller_label() -> None:
    found = type_majority.predict(_units("a a b"), np.array([2, 1, 2]), _units("a"))
    assert found.tolist() == [1]
