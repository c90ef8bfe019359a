"""awd_lstm against fastai's network: tests/fixtures/make_awd_lstm.py made the numbers."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from polyseme.models import awd_lstm

TOLERANCE = 1e-5
FIXTURE = Path(__file__).parents[1] / "fixtures" / "awd_lstm.npz"
RATES = {"embedding": 0.2, "input": 0.25, "hidden": 0.15, "weight": 0.2, "output": 0.1}


@pytest.fixture(scope="module")
def theirs() -> dict[str, torch.Tensor]:
    """fastai's numbers by name."""
    with np.load(FIXTURE) as file:
        return {name: torch.from_numpy(file[name]) for name in file.files}


@pytest.fixture
def model(theirs: dict[str, torch.Tensor]) -> awd_lstm.Model:
    """Our network with fastai's weights."""
    vocabulary, dim = theirs["weights.0.encoder.weight"].shape
    rates = {f"{name}_dropout": rate for name, rate in RATES.items()}
    hidden = theirs["weights.0.rnns.0.weight_hh_l0_raw"].shape[1]
    options = awd_lstm.Config(dim=dim, hidden_dim=hidden, num_layers=3, ar=2.0, tar=1.0, **rates)
    pieces: Any = SimpleNamespace(vocab_size=vocabulary, byte_lengths=np.ones(vocabulary))
    made = awd_lstm.Model(options, pieces)
    with torch.no_grad():
        for name, weight in made.named_parameters():
            weight.copy_(theirs[f"weights.{_their_name(name)}"])
    return made.eval()


def _their_name(name: str) -> str:
    if name == "tokens.weight":
        return "0.encoder.weight"
    if name == "bias":
        return "1.decoder.bias"
    _, number, weight = name.split(".")
    inner = f"{weight}_raw" if weight == "weight_hh_l0" else f"module.{weight}"
    return f"0.rnns.{number}.{inner}"


def test_outputs_and_logits_equal_fastais_with_states_carried_over(
    model: awd_lstm.Model, theirs: dict[str, torch.Tensor]
) -> None:
    state = model._zero(3)
    with torch.no_grad():
        for number in range(2):
            layers, state = model.run(theirs["ids"][number][:, :-1], state)
            output = layers[-1].transpose(0, 1)
            assert (output - theirs[f"eval.{number}.output"]).abs().max() <= TOLERANCE
            logits = model._logits(output)
            assert (logits - theirs[f"eval.{number}.logits"]).abs().max() <= TOLERANCE
            assert logits.std() > 0.1


def test_loss_penalties_and_gradients_equal_fastais_under_the_same_masks(
    model: awd_lstm.Model, theirs: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    order = ["00", "01", "02", "03", "04", "05", "06", "07"]
    masks = iter([theirs[f"masks.{number}"] for number in order])

    def replayed(like: torch.Tensor, shape: tuple[int, ...], rate: float) -> torch.Tensor:
        mask = next(masks)
        mask = mask.transpose(0, 1) if mask.ndim == 3 else mask  # rows come first there
        assert mask.shape == tuple(shape)
        assert torch.isclose(mask.max(), torch.tensor(1 / (1 - rate)))
        return mask

    monkeypatch.setattr(awd_lstm, "mask", replayed)
    found = model.train().losses({"ids_BS": theirs["ids"][0]})
    assert next(masks, None) is None
    assert found.objective is not None
    total, weight = found.objective
    assert abs(found.nats / found.tokens - theirs["train.loss"]) <= TOLERANCE
    assert abs((total - found.nats) / weight - theirs["train.penalty"]) <= TOLERANCE
    (total / weight).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None
        expected = theirs[f"gradients.{_their_name(name)}"]
        assert (parameter.grad - expected).abs().max() <= TOLERANCE
