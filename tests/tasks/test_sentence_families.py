"""Families of pairs of texts, against formulas and libraries."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from polyseme.errors import DataError
from polyseme.tasks.families import relatedness, sentence_pair
from polyseme.tasks.families.base import Scored, get, pad_targets


def test_a_pair_is_both_means_their_difference_and_their_product() -> None:
    h_BTD = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(0))
    mask_BT = torch.tensor([[True] * 6, [True] * 4 + [False] * 2])
    found = sentence_pair.Family().units(h_BTD, mask_BT, torch.tensor([[2], [1]])).numpy()
    h = h_BTD.numpy()
    for row, texts in enumerate([(h[0, :2], h[0, 3:]), (h[1, :1], h[1, 2:4])]):
        u, v = (words.mean(0) for words in texts)
        wanted = np.concatenate([u, v, np.abs(u - v), u * v])
        assert found.shape == (2, 1, sentence_pair.Family().width(4))
        np.testing.assert_allclose(found[row, 0], wanted, atol=1e-6)


def test_a_pair_without_a_place_is_refused() -> None:
    with pytest.raises(DataError, match="sentence_pair: has one text an item; give `places`"):
        get("sentence_pair").units(torch.zeros(1, 2, 3), torch.ones(1, 2, dtype=torch.bool), None)


def _scored(gold: Any, predicted: Any) -> Scored:
    return Scored(
        np.arange(len(gold)), np.zeros(len(gold), int), np.array(gold), np.array(predicted)
    )


def test_correlations_are_those_of_numpy_and_of_ranks() -> None:
    random = np.random.default_rng(0)
    gold = random.integers(0, 11, 60) / 2
    predicted = gold + random.normal(0, 2, 60)
    scores = get("relatedness").score(_scored(gold, predicted))
    ranks = stats.rankdata(gold), stats.rankdata(predicted)
    assert scores["pearson"] == pytest.approx(np.corrcoef(gold, predicted)[0, 1])
    assert scores["spearman"] == pytest.approx(np.corrcoef(*ranks)[0, 1])
    assert 0 < scores["spearman"] < 1


@pytest.mark.parametrize(
    ("gold", "predicted"), [([1.0, 2.0], [3.0, 3.0]), ([2.0, 2.0], [1.0, 3.0]), ([1.0], [2.0])]
)
def test_constant_predictions_correlate_with_nothing(
    gold: list[float], predicted: list[float]
) -> None:
    found = get("relatedness").score(_scored(gold, predicted))
    assert found == {"pearson": 0.0, "spearman": 0.0}


def test_loss_is_the_squared_error_on_the_scale_of_training_and_decoding_goes_back() -> None:
    family = relatedness.Family()
    assert family.fit([1.0, 5.0, 3.0], task="toy") == []
    assert family.num_outputs(0) == 1
    targets = family.targets([1, 5.0, 4, 7], {})
    assert targets == [[1.0], [5.0], [4.0], [7.0]]
    wanted = torch.tensor([-1.0, 1.0, 0.5, 2.0])
    logits_BUC = torch.tensor([0.0, 0.25, 0.5, 3.0]).view(4, 1, 1)
    loss = family.loss(logits_BUC, pad_targets(targets))
    assert loss.item() == pytest.approx(((logits_BUC.flatten() - wanted) ** 2).mean().item())
    decoded = [family.decode(score.view(1, 1)).item() for score in wanted]
    assert decoded == [1.0, 5.0, 4.0, 7.0]


def test_one_score_alone_is_refused() -> None:
    with pytest.raises(DataError, match=r"toy: has one score only: 3.0; check its source"):
        get("relatedness").fit([3.0, 3], task="toy")
