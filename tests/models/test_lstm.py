"""The projected LSTM against torch.nn.LSTM and against numerical gradients."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from polyseme.models.common.lstm import ProjectedLSTM

TOLERANCE = 1e-5
STEPS, ROWS, INPUT, CELLS, PROJECTED = 7, 3, 5, 8, 4


def _ours(clip: float = math.inf) -> ProjectedLSTM:
    torch.manual_seed(0)
    layer = ProjectedLSTM(
        2, INPUT, CELLS, PROJECTED, cell_clip=clip, projection_clip=clip / 2
    ).double()
    for weight in layer.parameters():
        nn.init.normal_(weight, std=0.5)
    return layer


def _theirs(ours: ProjectedLSTM, network: int) -> nn.LSTM:
    """torch's network with the weights of one of ours; its gates are i, f, g, o."""
    layer = nn.LSTM(INPUT, CELLS, proj_size=PROJECTED).double()

    def reordered(weight: Tensor) -> Tensor:
        o, i, f, g = weight.chunk(4, dim=-1)
        return torch.cat([i, f, g, o], dim=-1).T

    with torch.no_grad():
        layer.weight_ih_l0.copy_(reordered(ours.input[network]))
        layer.weight_hh_l0.copy_(reordered(ours.recurrent[network]))
        layer.weight_hr_l0.copy_(ours.projection[network].T)
        layer.bias_ih_l0.copy_(reordered(ours.bias[network])[:, 0])
        layer.bias_hh_l0.zero_()
    return layer


def _input() -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(STEPS, 2, ROWS, INPUT, dtype=torch.double, generator=generator)


def test_without_clips_states_and_gradients_are_those_of_torch() -> None:
    ours, x_SGBI = _ours(), _input().requires_grad_()
    h_SGBP, _ = ours(x_SGBI)
    h_SGBP.square().sum().backward()
    for network in range(2):
        theirs, x_SBI = _theirs(ours, network), _input()[:, network].requires_grad_()
        expected, _ = theirs(x_SBI)
        expected.square().sum().backward()
        assert (h_SGBP[:, network] - expected).abs().max() <= TOLERANCE
        assert x_SGBI.grad is not None
        assert x_SBI.grad is not None
        assert (x_SGBI.grad[:, network] - x_SBI.grad).abs().max() <= TOLERANCE
        grad = ours.projection.grad
        assert grad is not None
        assert (grad[network].T - theirs.weight_hr_l0.grad).abs().max() <= TOLERANCE


@pytest.mark.parametrize("clip", [math.inf, 0.3])
def test_gradients_are_the_numerical_ones_also_where_states_are_clipped(clip: float) -> None:
    layer, x_SGBI = _ours(clip), _input().requires_grad_()
    h_SGBP, c_SGBC = layer(x_SGBI)
    assert bool((c_SGBC.abs() == clip).any()) == (clip < math.inf)
    assert bool((h_SGBP.abs() == clip / 2).any()) == (clip < math.inf)
    names, weights = zip(*layer.named_parameters(), strict=True)

    def states(x: Tensor, *values: Tensor) -> Tensor:
        found: Tensor = functional_call(layer, dict(zip(names, values, strict=True)), (x,))[0]
        return found

    assert torch.autograd.gradcheck(states, (x_SGBI, *weights))


def test_states_handed_on_continue_the_sequence() -> None:
    layer, x_SGBI = _ours(0.5), _input()
    whole, cells = layer(x_SGBI)
    first, first_cells = layer(x_SGBI[:4])
    second, second_cells = layer(x_SGBI[4:], (first[-1], first_cells[-1]))
    assert torch.equal(torch.cat([first, second]), whole)
    assert torch.equal(torch.cat([first_cells, second_cells]), cells)
