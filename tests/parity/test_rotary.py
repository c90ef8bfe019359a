"""Rotary positions and attention against implementations of others."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from polyseme.models.common import transformer


def _random(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_rotation_is_that_of_gpt_neox() -> None:
    pytest.importorskip("transformers")
    from transformers.models.gpt_neox.modeling_gpt_neox import apply_rotary_pos_emb

    q, k = _random(0, 2, 3, 7, 8), _random(1, 2, 3, 7, 8)
    cos, sin = transformer.rotary_angles(7, 8, torch.device("cpu"))
    both = [torch.cat([part, part], dim=-1)[:, 0][None] for part in (cos, sin)]
    theirs = apply_rotary_pos_emb(q, k, *both)
    for mine, other in zip((q, k), theirs, strict=True):
        found = transformer.rotate(mine.transpose(1, 2), (cos, sin)).transpose(1, 2)
        assert torch.allclose(found, other, atol=1e-6)


def test_products_depend_on_distance_alone() -> None:
    q, k = _random(0, 1, 1, 1, 8), _random(1, 1, 1, 1, 8)
    angles = transformer.rotary_angles(20, 8, torch.device("cpu"))
    turned_q, turned_k = (transformer.rotate(x.expand(1, 20, 1, 8), angles) for x in (q, k))
    scores_SS = turned_q[0, :, 0] @ turned_k[0, :, 0].mT
    for distance in (0, 3, 11):
        found = scores_SS.diagonal(distance)
        assert torch.allclose(found, found[:1].expand_as(found), atol=1e-5)


@pytest.mark.parametrize("length", [5, 64])
def test_attention_in_bfloat16_is_torchs_within_its_precision(length: int) -> None:
    q, k, v = (_random(seed, 3, 2, length, 16) for seed in range(3))
    attend = torch.ones(3, 1, 1, length, dtype=torch.bool)
    attend[1, ..., length // 2 :] = False
    expected = F.scaled_dot_product_attention(q, k, v, attn_mask=attend)
    with torch.autocast("cpu", torch.bfloat16):
        found = transformer._mix(q.bfloat16(), k.bfloat16(), v.bfloat16(), attend, is_causal=False)
    assert (found.float() - expected).abs().max() < 0.03
    unmasked = transformer._mix(q, k, v, None, is_causal=False)
    assert torch.equal(unmasked, F.scaled_dot_product_attention(q, k, v))
