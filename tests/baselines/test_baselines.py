"""Baselines that count."""

from __future__ import annotations

import numpy as np

from polyseme.baselines import majority, type_majority


def test_majority_and_type_majority() -> None:
    train, labels = ["bank", "bank", "bank", "sea", "sea", "sky"], np.array([1, 1, 0, 0, 0, 0])
    test = ["bank", "sea", "unseen"]
    assert majority.predict(train, labels, test).tolist() == [0, 0, 0]
    assert type_majority.predict(train, labels, test).tolist() == [1, 0, 0]


def test_a_tie_goes_to_the_smaller_label() -> None:
    found = type_majority.predict(["a", "a", "b"], np.array([2, 1, 2]), ["a"])
    assert found.tolist() == [1]
