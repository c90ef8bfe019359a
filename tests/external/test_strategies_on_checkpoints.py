"""Strategies that treat layers apart, on weights from elsewhere."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.external.conftest import Import
from torch import nn

from polyseme.models.base import Representation
from polyseme.models.common.elmo_network import BiLM, Shape
from polyseme.models.external import elmo
from polyseme.strategies import gradual, lora

OPTIONS: Any = {"epochs": 1, "batch_size": 2, "head_lr": 0.1, "encoder_lr": 0.1}
TEXTS = [["there", "was", "a", "crack"], ["naïve", "students"]]
NAMES = ["bert", "roberta", "gpt2", "llama", "electra"]
INPUT = "words embeddings embeddings_project wte wpe embed_tokens"


def _elmo() -> Representation:
    shape = Shape(
        character_dim=4, filters=((1, 4), (2, 4), (3, 8)), num_highways=2, activation="relu",
        max_characters=12, dim=6, cell_dim=8, num_layers=2, cell_clip=3.0, projection_clip=3.0,
        residual=True,
    )  # fmt: skip
    made = elmo.Model(BiLM(shape))
    made.reset(0)
    return made.eval()


@pytest.fixture
def model(name: str, tmp_path: Path, bring_in: Import) -> Representation:
    if name == "elmo":
        return _elmo()
    pytest.importorskip("transformers")
    from tests.external.checkpoints import make
    from tests.external.test_hugging_face import _options

    return bring_in("hugging_face", **_options(make(name, tmp_path / name)))


@pytest.mark.parametrize("name", [*NAMES, "elmo"])
def test_input_and_final_norm_are_at_the_ends(model: Representation) -> None:
    named = [n for n, _ in model.named_parameters() if not n.startswith("head.")]  # of no layer
    depths = {name: model.depth(name) for name in named}
    of_input = {n for n in depths if not set(INPUT.split()).isdisjoint(n.split("."))}
    assert of_input == {n for n, depth in depths.items() if depth == 0}
    assert set(depths.values()) == set(range(model.num_layers))
    rates = [
        g["lr"] for g in gradual.Strategy(gradual.Config(**OPTIONS)).groups(model, nn.Linear(2, 2))
    ]
    assert [b / a for a, b in pairwise(rates[:-1])] == pytest.approx([2.6] * (model.num_layers - 1))


@pytest.mark.parametrize("name", ["bert"])
def test_a_numbered_norm_is_of_its_layer_whatever_its_name(model: Representation) -> None:
    """OPT and Whisper call the second norm of every layer `final_layer_norm`."""
    assert model.depth("network.layers.0.final_layer_norm.weight") == 1
    assert model.depth("network.final_layer_norm.weight") == model.num_layers - 1


@pytest.mark.parametrize("name", [*NAMES, "elmo"])
def test_low_rank_factors_are_of_the_layers_and_learn(model: Representation) -> None:
    strategy = lora.Strategy(lora.Config(**OPTIONS, rank=2))
    adapted, before = strategy.start(model, 0), model.encode(TEXTS)
    assert all(map(torch.equal, adapted.encode(TEXTS), before))
    assert isinstance(adapted, lora.LowRank)
    assert adapted.names and all(map(model.depth, adapted.names))
    assert set(INPUT.split()).isdisjoint(part for n in adapted.names for part in n.split("."))
    for up in adapted.up:
        nn.init.normal_(up, std=0.1)
    adapted(adapted.prepare(TEXTS)).square().sum().backward()
    assert all(w.grad is not None and w.grad.any() for w in (*adapted.up, *adapted.down))
    changed = adapted.encode(TEXTS)
    assert not any(map(torch.allclose, changed, before))
    for one, other in zip(adapted.merged().encode(TEXTS), changed, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)
