"""Scores from sums over items, against scikit-learn and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from polyseme.stats import additive
from polyseme.tasks.families import base, relatedness, span, span_pair, word_sense
from polyseme.tasks.families.base import Kept, Scored

LABELS = 5


@st.composite
def labelled(draw):
    """Gold and predicted labels of units, several an item."""
    lengths = draw(st.lists(st.integers(1, 4), min_size=2, max_size=12))
    total = sum(lengths)
    sides = [draw(st.lists(st.integers(0, LABELS - 1), min_size=total, max_size=total))
             for _ in range(2)]  # fmt: skip
    item_U = np.repeat(np.arange(len(lengths)), lengths)
    return np.array(sides[0]), np.array(sides[1]), item_U


@pytest.mark.filterwarnings("ignore:A single label was found")
@given(labelled())
def test_scores_of_classes_are_those_of_scikit_learn(drawn):
    gold, predicted, item_U = drawn
    num_items = item_U[-1] + 1
    found = additive.accuracy(gold == predicted, item_U, num_items)
    assert found.value == pytest.approx(accuracy_score(gold, predicted))
    found = additive.macro_f1(gold, predicted, item_U, num_items, LABELS)
    wanted = f1_score(gold, predicted, average="macro", zero_division=0)
    assert found.value == pytest.approx(wanted)
    found = additive.matthews(gold, predicted, item_U, num_items, LABELS)
    assert found.value == pytest.approx(matthews_corrcoef(gold, predicted), abs=1e-12)


@given(labelled(), st.integers(0, 10))
def test_weights_of_items_stand_for_copies_of_them(drawn, seed):
    gold, predicted, item_U = drawn
    num_items = int(item_U[-1]) + 1
    weights_N = np.random.default_rng(seed).integers(0, 3, num_items)
    weights_N[0] += 1
    found = additive.macro_f1(gold, predicted, item_U, num_items, LABELS)
    copies_U = np.repeat(np.arange(len(gold)), weights_N[item_U])
    wanted = f1_score(gold[copies_U], predicted[copies_U], average="macro", zero_division=0)
    assert float(found.score(weights_N @ found.counts_NK)) == pytest.approx(wanted)


def test_correlations_are_those_of_scipy():
    rng = np.random.default_rng(0)
    gold = rng.integers(0, 6, 80).astype(float)
    predicted = gold + 1e4 + rng.normal(size=80)
    names = sorted({repr(float(x)) for x in (*gold, *predicted)})
    coded = [np.array([names.index(repr(float(x))) for x in side]) for side in (gold, predicted)]
    kept = Kept(np.arange(80), np.zeros(80), *coded, names, 80)
    family = relatedness.Family()
    pearson, spearman = (family.additive(name, kept) for name in ("pearson", "spearman"))
    assert pearson.value == pytest.approx(pearsonr(gold, predicted).statistic)
    assert spearman.value == pytest.approx(spearmanr(gold, predicted).statistic)
    assert additive.pearson(np.ones(4), np.arange(4.0)).value == 0


TAGS = ["B-LOC", "B-PER", "I-LOC", "I-PER", "O"]


@given(labelled())
def test_families_score_sums_as_they_score_predictions(drawn):
    gold, predicted, item_U = drawn
    unit_U = np.arange(len(gold)) - np.searchsorted(item_U, item_U)
    for family, names in (
        (span.Family(), TAGS),
        (span_pair.Family(), ["Other", "a(e1,e2)", "a(e2,e1)", "b(e1,e2)", "b(e2,e1)"]),
        (word_sense.Family(), ["x%1", "x%1|x%2", "x%2", "y%1", "y%2"]),
    ):
        scores = family.score(Scored(item_U, unit_U, gold, predicted, names))
        kept = Kept(item_U, unit_U, gold, predicted, names, int(item_U[-1]) + 1)
        metrics = {"f1", "relation_f1", "accuracy", "macro_f1"} & scores.keys()
        for metric in metrics:
            found = family.additive(metric, kept)
            assert found.value == pytest.approx(scores[metric]), (family, metric)


def test_a_metric_that_is_no_sum_or_has_too_many_labels_has_none(monkeypatch):
    kept = Kept(np.arange(3), np.zeros(3), np.arange(3), np.arange(3), ["a", "b", "c"], 3)
    family = word_sense.Family()
    assert family.additive("answered", kept) is None
    monkeypatch.setattr(base, "MOST_SUMS", 8)
    assert family.additive("macro_f1", kept) is None
    assert family.additive("accuracy", kept).value == 1
