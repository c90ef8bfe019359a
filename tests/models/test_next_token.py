"""The fused cross-entropy and the plain attention of bfloat16, against torch's own in float32."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from polyseme.models.common.next_token import next_token_nats
from polyseme.models.common.transformer import Sight, _attend

ROWS, DIM, VOCABULARY = 150, 32, 700


def _inputs() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    h_MD = torch.randn(ROWS, DIM, generator=random).bfloat16().float().requires_grad_()
    table_VD = torch.randn(VOCABULARY, DIM, generator=random).bfloat16().float().requires_grad_()
    targets_M = torch.randint(VOCABULARY, (ROWS,), generator=random)
    return h_MD, table_VD, targets_M, torch.rand(ROWS, generator=random)


@pytest.mark.parametrize("bf16", [False, True])
def test_losses_and_gradients_are_those_of_torch(bf16: bool) -> None:
    h_MD, table_VD, targets_M, weights_M = _inputs()
    logits_MV = F.linear(h_MD, table_VD)
    if bf16:  # what is rounded there, too
        logits_MV = logits_MV.bfloat16().float()
    expected_M = F.cross_entropy(logits_MV, targets_M, reduction="none")
    gradients = torch.autograd.grad((expected_M * weights_M).sum(), (h_MD, table_VD))
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        found_M = next_token_nats(h_MD, table_VD, targets_M)
    found = torch.autograd.grad((found_M * weights_M).sum(), (h_MD, table_VD))
    assert torch.allclose(found_M, expected_M, rtol=1e-3 if bf16 else 1e-6, atol=1e-4)
    for mine, other in zip(found, gradients, strict=True):
        assert (mine - other).norm() <= (1e-2 if bf16 else 1e-6) * other.norm()
    assert found_M.dtype == torch.float32


@pytest.mark.parametrize("bf16", [False, True])
def test_a_bias_is_part_of_the_logits(bf16: bool) -> None:
    h_MD, table_VD, targets_M, weights_M = _inputs()
    bias_V = torch.randn(VOCABULARY, generator=torch.Generator().manual_seed(2))
    bias_V = bias_V.bfloat16().float().requires_grad_()
    logits_MV = F.linear(h_MD, table_VD, bias_V)
    if bf16:
        logits_MV = logits_MV.bfloat16().float()
    expected_M = F.cross_entropy(logits_MV, targets_M, reduction="none")
    (expected,) = torch.autograd.grad((expected_M * weights_M).sum(), bias_V)
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        found_M = next_token_nats(h_MD, table_VD, targets_M, bias_V)
    (found,) = torch.autograd.grad((found_M * weights_M).sum(), bias_V)
    assert torch.allclose(found_M, expected_M, rtol=1e-3 if bf16 else 1e-6, atol=1e-4)
    assert (found - expected).norm() <= (2e-2 if bf16 else 1e-6) * expected.norm()


@pytest.mark.parametrize("rotary", [False, True])
def test_attention_to_the_left_in_bfloat16_is_near_that_in_float32(rotary: bool) -> None:
    random = torch.Generator().manual_seed(1)
    q, k, v = (torch.randn(3, 2, 20, 8, generator=random).bfloat16() for _ in range(3))
    sight = Sight(None, 2, rotary)
    exact = _attend(q.float(), k.float(), v.float(), sight)
    found = _attend(q, k, v, sight)
    assert (found - exact).abs().max() < 0.03
    assert torch.equal(_attend(q, k, v, sight)[0], found[0])
    later = v.clone()
    later[:, :, 12:] += 1.0
    assert torch.equal(_attend(q, k, later, sight)[1:, :, :12], found[1:, :, :12])
