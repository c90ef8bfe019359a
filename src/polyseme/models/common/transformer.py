"""Pre-norm Transformer blocks (Vaswani et al. 2017; pre-norm: Xiong et al. 2020).

    x = x + attention(norm(x));  x = x + mlp(norm(x))

GELU, biases everywhere, learned or rotary positions (Su et al. 2021). With learned ones this is the
arithmetic of RoBERTa-PreLayerNorm, against which tests hold it.

Shapes: B rows, S subwords, D dimensions, H heads, K = D / H.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

INIT_STD = 0.02
ROTARY_BASE = 10_000.0
LONGEST_PLAIN = 256
"""Up to so many positions plain products are faster in bfloat16 than torch's kernel for cpus."""
Positions = Literal["learned", "rotary"]
Angles = tuple[Tensor, Tensor]
"""Cosines and sines, S x 1 x K / 2."""


class Attention(nn.Module):
    """Multi-head self-attention over S positions."""

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.query, self.key = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.value, self.output = nn.Linear(dim, dim), nn.Linear(dim, dim)

    def forward(self, x_BSD: Tensor, attend_B11S: Tensor | None, angles: Angles | None) -> Tensor:
        """Mix positions; `attend_B11S` is True where a position may be looked at."""
        batch, length, dim = x_BSD.shape
        parts = (self.query, self.key, self.value)
        weight, bias = torch.cat([m.weight for m in parts]), torch.cat([m.bias for m in parts])
        x_BSHK = F.linear(x_BSD, weight, bias).view(batch, length, 3 * self.num_heads, -1)
        heads = [self.num_heads] * 3
        if angles is None:
            q, k, v = (part.transpose(1, 2) for part in x_BSHK.split(heads, dim=2))
        else:
            both_BSHK, v_BSHK = x_BSHK.split([sum(heads[:2]), heads[2]], dim=2)
            turned = rotate(both_BSHK, angles).split(heads[:2], dim=2)
            q, k, v = (part.transpose(1, 2) for part in (*turned, v_BSHK))
        mixed_BHSK = _attend(q, k, v, attend_B11S)
        return self.output(mixed_BHSK.transpose(1, 2).reshape(batch, length, dim))


def _attend(q: Tensor, k: Tensor, v: Tensor, attend_B11S: Tensor | None) -> Tensor:
    """Scaled dot-product attention; on a cpu by whichever way is fastest there.

    torch's bfloat16 kernel for cpus is slow backwards: plain products take its place for short
    rows, its float32 kernel for long ones (docs/decisions.md).
    """
    if q.is_cuda:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=attend_B11S)
    if torch.is_autocast_enabled("cpu") and q.shape[-2] <= LONGEST_PLAIN:
        scores_BHSS = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
        if attend_B11S is not None:
            least = torch.finfo(scores_BHSS.dtype).min
            scores_BHSS = scores_BHSS.masked_fill(~attend_B11S, least)
        return scores_BHSS.softmax(-1) @ v
    with torch.autocast("cpu", enabled=False):
        q, k, v = q.float(), k.float(), v.float()
        return F.scaled_dot_product_attention(q, k, v, attn_mask=attend_B11S)


def rotary_angles(length: int, width: int, device: torch.device) -> Angles:
    """Position times 10000^(-2k/K) for each pair of K = `width` dimensions (Su et al., eq. 15)."""
    rates_K = ROTARY_BASE ** -(torch.arange(0, width, 2, device=device) / width)
    angles_S1K = torch.arange(length, device=device)[:, None, None] * rates_K
    return angles_S1K.cos(), angles_S1K.sin()


def rotate(x_BSHK: Tensor, angles: Angles) -> Tensor:
    """Turn each pair of dimensions (k, k + K/2) by its angle, in float32.

    The pairing is GPT-NeoX's; the paper's pairs are neighbours, which is the same up to the order
    of dimensions.
    """
    cos, sin = angles
    a, b = x_BSHK.float().chunk(2, dim=-1)
    turned = [torch.addcmul(a * cos, b, sin, value=-1), torch.addcmul(b * cos, a, sin)]
    return torch.cat(turned, dim=-1).to(x_BSHK.dtype)


class Block(nn.Module):
    """Attention and feed-forward, each on a normalised copy of the residual stream."""

    def __init__(self, dim: int, num_heads: int, dim_ff: int, dropout: float) -> None:
        super().__init__()
        self.attention_norm, self.mlp_norm = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attention = Attention(dim, num_heads)
        self.up, self.down = nn.Linear(dim, dim_ff), nn.Linear(dim_ff, dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x_BSD: Tensor, attend_B11S: Tensor | None, angles: Angles | None) -> Tensor:
        """Residual stream after the block."""
        mixed_BSD = self.attention(self.attention_norm(x_BSD), attend_B11S, angles)
        x_BSD = x_BSD + self.dropout(mixed_BSD)
        hidden = F.gelu(self.up(self.mlp_norm(x_BSD)))
        return x_BSD + self.dropout(self.down(hidden))


class Transformer(nn.Module):
    """Token embeddings, positions, a stack of blocks, a final norm."""

    positions: nn.Embedding | None

    def __init__(
        self,
        *,
        vocab_size: int,
        max_length: int,
        dim: int,
        num_layers: int,
        num_heads: int,
        dim_ff: int,
        dropout: float,
        positions: Positions = "learned",
    ) -> None:
        super().__init__()
        self.max_length, self.head_width = max_length, dim // num_heads
        self.tokens = nn.Embedding(vocab_size, dim)
        self.positions = nn.Embedding(max_length, dim) if positions == "learned" else None
        self.embedding_norm, self.final_norm = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.dropout = nn.Dropout(dropout)
        blocks = [Block(dim, num_heads, dim_ff, dropout) for _ in range(num_layers)]
        self.blocks = nn.ModuleList(blocks)

    def forward(self, ids_BS: Tensor, attend_BS: Tensor | None = None) -> list[Tensor]:
        """Hidden states h_BSD: embeddings, then each block; the last one is normalised."""
        attend_B11S = None if attend_BS is None else attend_BS[:, None, None, :]
        length, device = ids_BS.shape[1], ids_BS.device
        x_BSD, angles = self.tokens(ids_BS), None
        if self.positions is None:
            angles = rotary_angles(length, self.head_width, device)
        else:
            x_BSD = x_BSD + self.positions(torch.arange(length, device=device))
        layers = [self.dropout(self.embedding_norm(x_BSD))]
        for block in self.blocks:
            layers.append(block(layers[-1], attend_B11S, angles))
        return [*layers[:-1], self.final_norm(layers[-1])]


def initialize(module: nn.Module, seed: int) -> None:
    """BERT's initial values, all in one place: N(0, 0.02), biases 0, norms 1."""
    generator = torch.Generator().manual_seed(seed)
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Embedding):
            nn.init.normal_(part.weight, std=INIT_STD, generator=generator)
        if isinstance(part, nn.Linear) and part.bias is not None:
            nn.init.zeros_(part.bias)
        if isinstance(part, nn.LayerNorm):
            nn.init.ones_(part.weight)
            nn.init.zeros_(part.bias)
