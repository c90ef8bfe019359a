"""The official score of SemEval-2010 task 8, by hand and by scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from polyseme.tasks.families.base import Scored, get
from polyseme.tasks.families.span_pair import relation_f1

LABELS = ["A(e1,e2)", "A(e2,e1)", "B(e1,e2)", "B(e2,e1)", "C(e1,e2)", "Other"]


def _scored(gold: list[int], predicted: list[int]) -> Scored:
    units = np.zeros(len(gold), dtype=int)
    return Scored(np.arange(len(gold)), units, np.array(gold), np.array(predicted), LABELS)


def test_a_wrong_direction_is_wrong_twice_and_other_is_not_averaged() -> None:
    #   A: 3 gold, 3 predicted, 1 right: 1/3; B: 1 gold, 2 predicted, 1 right: 2/3; C: none
    gold, predicted = [0, 0, 1, 2, 5, 5], [0, 1, 5, 2, 3, 1]
    assert relation_f1(_scored(gold, predicted)) == pytest.approx((1 / 3 + 2 / 3 + 0) / 3)


def test_equals_macro_f1_over_relations_with_wrong_directions_taken_apart() -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        gold, predicted = (random.integers(0, 6, 200).tolist() for _ in range(2))
        names = [[LABELS[n] for n in side] for side in (gold, predicted)]
        pairs = []
        for g, p in zip(*names, strict=True):
            left, right = g.partition("(")[0], p.partition("(")[0]
            pairs += [(left, right)] if g == p or left != right else [(left, "-"), ("-", right)]
        expected = f1_score(
            *zip(*pairs, strict=True), labels=["A", "B", "C"], average="macro", zero_division=0
        )
        found = get("span_pair").score(_scored(gold, predicted))
        assert found["relation_f1"] == pytest.approx(expected)
