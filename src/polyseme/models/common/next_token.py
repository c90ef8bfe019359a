"""Cross-entropy of every token of a text, where the vocabulary is the larger part of the work.

On a cpu in bfloat16 one function makes loss and gradient of the logits at once: one softmax in
float32, a few rows at a time so that they stay in the cache, written over the logits. torch's own
pair takes two passes of exponentials and two whole copies between the precisions. The products are
the same, and so is what is rounded: logits and their gradient, to bfloat16. Elsewhere torch's own.

Shapes: M predicted tokens, D dimensions, V vocabulary.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

ROWS_IN_CACHE = 64


def next_token_nats(
    h_MD: Tensor, table_VD: Tensor, targets_M: Tensor, bias_V: Tensor | None = None
) -> Tensor:
    """Negative log-likelihoods nats_M, float32, of targets under logits h @ table.T + bias."""
    if h_MD.is_cuda or not torch.is_autocast_enabled("cpu"):
        return F.cross_entropy(F.linear(h_MD, table_VD, bias_V), targets_M, reduction="none")
    bias_V = None if bias_V is None else bias_V.bfloat16()
    found: Tensor = _NextToken.apply(h_MD.bfloat16(), table_VD.bfloat16(), targets_M, bias_V)
    return found


class _NextToken(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, h_MD: Tensor, table_VD: Tensor, targets_M: Tensor, bias_V: Tensor | None
    ) -> Tensor:
        g_MV = F.linear(h_MD, table_VD, bias_V)  # logits at first, then their gradient
        nats_M1 = torch.empty(len(h_MD), 1, dtype=torch.float32)
        parts = (whole.split(ROWS_IN_CACHE) for whole in (g_MV, targets_M[:, None], nats_M1))
        for g, targets, nats in zip(*parts, strict=True):
            top, hit = g.amax(1, keepdim=True).float(), g.gather(1, targets).float()
            p = g.softmax(1, dtype=torch.float32)
            nats.copy_(top - hit - p.amax(1, keepdim=True).log())
            g.copy_(p.scatter_add_(1, targets, -torch.ones_like(hit)))
        ctx.save_for_backward(h_MD, table_VD, g_MV)
        ctx.has_bias = bias_V is not None
        return nats_M1[:, 0]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, weights_M: Tensor) -> tuple[Tensor, Tensor, None, Tensor | None]:
        h_MD, table_VD, g_MV = ctx.saved_tensors
        scale_M1 = weights_M[:, None].to(h_MD.dtype)
        dbias_V = g_MV.T @ scale_M1[:, 0] if ctx.has_bias else None
        return scale_M1 * (g_MV @ table_VD), g_MV.T @ (scale_M1 * h_MD), None, dbias_V
