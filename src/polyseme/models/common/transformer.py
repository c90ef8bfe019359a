"""Pre-norm Transformer blocks (Vaswani et al. 2017; pre-norm: Xiong et al. 2020).

    x = x + attention(norm(x));  x = x + mlp(norm(x))

Learned positions, GELU, biases everywhere: the arithmetic of RoBERTa-PreLayerNorm, against which
tests hold it. Attention is torch's scaled_dot_product_attention.

Shapes: B rows, S subwords, D dimensions, H heads, K = D / H.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

INIT_STD = 0.02


class Attention(nn.Module):
    """Multi-head self-attention over S positions."""

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.query, self.key = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.value, self.output = nn.Linear(dim, dim), nn.Linear(dim, dim)

    def forward(self, x_BSD: Tensor, attend_B11S: Tensor | None) -> Tensor:
        """Mix positions; `attend_B11S` is True where a position may be looked at."""
        batch, length, dim = x_BSD.shape
        shape = (batch, length, self.num_heads, dim // self.num_heads)
        parts = (self.query, self.key, self.value)
        weight, bias = torch.cat([m.weight for m in parts]), torch.cat([m.bias for m in parts])
        q, k, v = (
            part.view(shape).transpose(1, 2)
            for part in F.linear(x_BSD, weight, bias).split(dim, dim=-1)
        )
        mixed_BHSK = _attend(q, k, v, attend_B11S)
        return self.output(mixed_BHSK.transpose(1, 2).reshape(batch, length, dim))


def _attend(q: Tensor, k: Tensor, v: Tensor, attend_B11S: Tensor | None) -> Tensor:
    """Scaled dot-product attention; on a cpu always in float32.

    The backward pass of torch's bfloat16 kernel for cpus takes five times as long as that of the
    float32 one (docs/decisions.md).
    """
    if q.is_cuda:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=attend_B11S)
    with torch.autocast("cpu", enabled=False):
        q, k, v = q.float(), k.float(), v.float()
        return F.scaled_dot_product_attention(q, k, v, attn_mask=attend_B11S)


class Block(nn.Module):
    """Attention and feed-forward, each on a normalised copy of the residual stream."""

    def __init__(self, dim: int, num_heads: int, dim_ff: int, dropout: float) -> None:
        super().__init__()
        self.attention_norm, self.mlp_norm = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attention = Attention(dim, num_heads)
        self.up, self.down = nn.Linear(dim, dim_ff), nn.Linear(dim_ff, dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x_BSD: Tensor, attend_B11S: Tensor | None) -> Tensor:
        """Residual stream after the block."""
        x_BSD = x_BSD + self.dropout(self.attention(self.attention_norm(x_BSD), attend_B11S))
        hidden = F.gelu(self.up(self.mlp_norm(x_BSD)))
        return x_BSD + self.dropout(self.down(hidden))


class Transformer(nn.Module):
    """Token and position embeddings, a stack of blocks, a final norm."""

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
    ) -> None:
        super().__init__()
        self.max_length = max_length
        self.tokens, self.positions = nn.Embedding(vocab_size, dim), nn.Embedding(max_length, dim)
        self.embedding_norm, self.final_norm = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.dropout = nn.Dropout(dropout)
        blocks = [Block(dim, num_heads, dim_ff, dropout) for _ in range(num_layers)]
        self.blocks = nn.ModuleList(blocks)

    def forward(self, ids_BS: Tensor, attend_BS: Tensor | None = None) -> list[Tensor]:
        """Hidden states h_BSD: embeddings, then each block; the last one is normalised."""
        attend_B11S = None if attend_BS is None else attend_BS[:, None, None, :]
        positions_S = torch.arange(ids_BS.shape[1], device=ids_BS.device)
        x_BSD = self.embedding_norm(self.tokens(ids_BS) + self.positions(positions_S))
        layers = [self.dropout(x_BSD)]
        for block in self.blocks:
            layers.append(block(layers[-1], attend_B11S))
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
