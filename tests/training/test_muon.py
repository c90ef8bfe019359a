"""The batched Muon against torch.optim.Muon."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from polyseme.training.muon import Muon, orthogonalize

SHAPES = [(32, 32), (64, 32), (32, 64), (32, 32)]


def _weights(seed: int) -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(seed)
    return [nn.Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES]


def _step(weights: list[nn.Parameter], optimizer: torch.optim.Optimizer, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for weight in weights:
        weight.grad = torch.randn(weight.shape, generator=generator)
    optimizer.step()


@pytest.mark.parametrize("bf16", [False, True])
def test_updates_equal_those_of_torch(bf16: bool) -> None:
    ours, theirs = _weights(0), _weights(0)
    mine = Muon(ours, lr=0.02, weight_decay=0.1, bf16=bf16)
    other = torch.optim.Muon(theirs, lr=0.02, weight_decay=0.1)
    start = _weights(0)
    for seed in range(5):
        _step(ours, mine, seed)
        _step(theirs, other, seed)
    for a, b, first in zip(ours, theirs, start, strict=True):
        moved = (b - first).norm()
        assert (a - b).norm() / moved < 0.01  # torch's iteration runs in bfloat16


def test_orthogonalized_singular_values_are_near_one() -> None:
    x_GRC = torch.randn(3, 48, 32, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonalize(x_GRC))
    assert values.min() > 0.6
    assert values.max() < 1.3


def test_a_matrix_does_not_depend_on_its_companions() -> None:
    weights = _weights(0)
    alone = [nn.Parameter(weights[0].detach().clone())]
    _step(weights, Muon(weights, lr=0.02), 0)
    generator = torch.Generator().manual_seed(0)
    alone[0].grad = torch.randn(SHAPES[0], generator=generator)
    Muon(alone, lr=0.02).step()
    assert torch.allclose(weights[0], alone[0], atol=1e-5)


def test_a_weight_without_gradient_stays() -> None:
    weights = _weights(0)
    weights[1].grad = torch.ones(SHAPES[1])
    before = weights[0].detach().clone()
    Muon(weights, lr=0.1, weight_decay=0.5).step()
    assert torch.equal(weights[0], before)
    assert not torch.equal(weights[1], _weights(0)[1])


@pytest.mark.parametrize("scale", [1e-12, 1e6])
def test_the_scale_of_the_gradient_does_not_matter(scale: float) -> None:
    x_GRC = torch.randn(1, 16, 16, generator=torch.Generator().manual_seed(0))
    if scale < 1e-8:
        assert torch.isfinite(orthogonalize(x_GRC * scale)).all()
    else:
        assert torch.allclose(orthogonalize(x_GRC * scale), orthogonalize(x_GRC), atol=1e-3)
