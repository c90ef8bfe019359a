"""The recipe of ULMFiT: which layers learn when, and how fast."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from tests.transfer.small import COMMON, model_of
from torch import nn

from polyseme.data.tokenizer import WordPieces
from polyseme.strategies import gradual
from polyseme.tasks.families.base import get
from polyseme.transfer.head import Head, HeadOptions, pooled


def _gradual(**values: Any) -> gradual.Strategy:
    return gradual.Strategy(gradual.Config(**COMMON | values))  # type: ignore[arg-type]


def _plan(strategy: gradual.Strategy, layers: int) -> list[list[int]]:
    """Depths that learn in each of the epochs that the plan needs."""
    epochs = strategy.least_epochs(layers)
    return [
        [d for d in range(layers + 1) if strategy.learns(d, layers, epoch / epochs)]
        for epoch in range(epochs)
    ]


def test_layers_are_unfrozen_from_the_top() -> None:
    assert _plan(_gradual(), 3) == [[3], [2, 3], [1, 2, 3], [0, 1, 2, 3]]


def test_chain_thaw_trains_the_head_then_each_layer_alone_then_all() -> None:
    found = _plan(_gradual(unfreezing="chain_thaw"), 3)
    assert found == [[3], [0], [1], [2], [0, 1, 2, 3]]


def test_without_unfreezing_everything_learns_from_the_start() -> None:
    assert _plan(_gradual(unfreezing="none"), 3) == [[0, 1, 2, 3]]


@pytest.mark.parametrize("name", ["bert", "awd_lstm", "elmo"])
def test_lower_layers_are_slower_and_every_weight_is_in_one_group(
    pieces: WordPieces, name: str
) -> None:
    model = model_of(pieces, name)
    head = nn.Linear(2, 2)
    *layers, of_head = _gradual().groups(model, head)
    assert [group["depth"] for group in layers] == list(range(model.num_layers))
    rates = [group["lr"] for group in layers]
    assert rates[-1] == 0.01
    assert [b / a for a, b in pairwise(rates)] == pytest.approx([2.6] * (model.num_layers - 1))
    assert of_head["lr"] == 0.02
    grouped = [id(w) for group in layers for w in group["params"]]
    assert sorted(grouped) == sorted(id(w) for w in model.parameters())
    *same, _ = _gradual(discriminative=1.0).groups(model, head)
    assert {group["lr"] for group in same} == {0.01}


def test_the_slanted_triangle_is_that_of_the_paper() -> None:
    """Equation 3 of Howard & Ruder 2018 with T = 1000, cut_frac = 0.1, ratio = 32."""
    steps, cut = 1000, 100

    def paper(t: int) -> float:
        p = t / cut if t < cut else 1 - (t - cut) / (cut * (1 / 0.1 - 1))
        return (1 + p * (32 - 1)) / 32

    found = [_gradual().rate(t / steps) for t in range(steps)]
    assert found == pytest.approx([paper(t) for t in range(steps)])
    assert _gradual(slanted=False).rate(0.55) == pytest.approx(0.5)


def test_concatenated_pooling_is_last_maximum_and_mean_without_padding() -> None:
    h = torch.tensor([[[1.0, -5.0], [3.0, -1.0], [9.0, 9.0]]])
    mask = torch.tensor([[True, True, False]])
    assert pooled(h, mask).tolist() == [[3.0, -1.0, 3.0, -1.0, 2.0, -3.0]]
    options = HeadOptions(pooling="concat")
    widths = [
        Head(num_layers=1, dim=4, num_labels=2, family=get(n), options=options).classifier
        for n in ("classification", "tagging", "pair")
    ]
    assert [layer.in_features for layer in widths] == [12, 4, 8]
