"""Pre-norm Transformer blocks (Vaswani et al. 2017; pre-norm: Xiong et al. 2020).

    x = x + attention(norm(x));  x = x + mlp(norm(x))

GELU, biases everywhere, learned or rotary positions. With learned positions and a norm of the
embeddings this is the arithmetic of RoBERTa-PreLayerNorm, without that norm GPT-2's, with rotary
positions GPT-NeoX's (sequential residual); tests hold it to all three.

Rows of one batch may differ in what they see: the last `num_causal` rows look to the left only.

Shapes: B rows, S subwords, D dimensions, H heads, K = D / H.
"""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple, cast

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from polyseme.config import config
from polyseme.models.common.contextual import Pooling
from polyseme.training.options import Portion, Positive, TrainingOptions

INIT_STD = 0.02
ROTARY_BASE = 10_000.0
LONGEST_PLAIN = 256
"""Up to so many positions plain products are faster in bfloat16 than torch's kernel for cpus."""
Positions = Literal["learned", "rotary"]
Angles = tuple[Tensor, Tensor]
"""Cosines and sines, S x 1 x K / 2."""


@config
class TransformerOptions(TrainingOptions):
    """The network of every Transformer; a model's Config adds the objective."""

    dim: Positive = 128
    """D, of every layer."""
    num_layers: Positive = 4
    """Transformer blocks."""
    num_heads: Positive = 4
    """Attention heads; divides dim."""
    dim_ff: Positive = 512
    """Hidden units of the feed-forward part."""
    dropout: Portion = 0.0
    """While pre-training."""
    max_length: Annotated[int, Field(ge=8)] = 128
    """Most subwords of a row; at least sequence_length."""
    positions: Positions = "learned"
    """learned: a vector each. rotary: queries and keys turn with them (Su et al. 2021)."""
    pooling: Pooling = "mean"
    """Subwords to word vector."""

    @model_validator(mode="after")
    def _network_fits(self) -> TransformerOptions:
        if self.dim % self.num_heads:
            raise ValueError(f"num_heads that divides dim = {self.dim}")
        if self.positions == "rotary" and self.dim // self.num_heads % 2:
            raise ValueError(f"an even dim / num_heads for rotary positions, dim = {self.dim}")
        if self.max_length < self.sequence_length:
            raise ValueError(f"max_length >= sequence_length = {self.sequence_length}")
        return self


class Sight(NamedTuple):
    """What the positions of a batch see of each other; the same in every block.

    Attributes:
        attend_B11S: True where a position may be looked at; None for all. Causal rows need none:
            their padding stands to the right of all that is read.
        num_causal: the last rows, which look to the left only.
        angles: by which queries and keys turn with their position; None where they do not.
    """

    attend_B11S: Tensor | None
    num_causal: int
    angles: Angles | None


class Attention(nn.Module):
    """Multi-head self-attention over S positions."""

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.query, self.key = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.value, self.output = nn.Linear(dim, dim), nn.Linear(dim, dim)

    def forward(self, x_BSD: Tensor, sight: Sight) -> Tensor:
        """Mix the positions that see each other."""
        batch, length, dim = x_BSD.shape
        parts = (self.query, self.key, self.value)
        weight, bias = torch.cat([m.weight for m in parts]), torch.cat([m.bias for m in parts])
        x_BSHK = F.linear(x_BSD, weight, bias).view(batch, length, 3 * self.num_heads, -1)
        heads = [self.num_heads] * 3
        if sight.angles is None:
            q, k, v = (part.transpose(1, 2) for part in x_BSHK.split(heads, dim=2))
        else:
            both_BSHK, v_BSHK = x_BSHK.split([sum(heads[:2]), heads[2]], dim=2)
            turned = rotate(both_BSHK, sight.angles).split(heads[:2], dim=2)
            q, k, v = (part.transpose(1, 2) for part in (*turned, v_BSHK))
        mixed_BHSK = _attend(q, k, v, sight)
        return self.output(mixed_BHSK.transpose(1, 2).reshape(batch, length, dim))

    def at(self, x_BSD: Tensor, sight: Sight, positions_M: Tensor) -> Tensor:
        """What `forward` gives at flat positions, MD; no row may be causal."""
        rows_M, places_M = positions_M // x_BSD.shape[1], positions_M % x_BSD.shape[1]
        q_M1HK = self.query(x_BSD[rows_M, places_M]).view(len(rows_M), 1, self.num_heads, -1)
        k, v = (m(x_BSD).unflatten(-1, (self.num_heads, -1)) for m in (self.key, self.value))
        if sight.angles is not None:
            cos, sin = (of_S1K[places_M][:, None] for of_S1K in sight.angles)
            q_M1HK, k = rotate(q_M1HK, (cos, sin)), rotate(k, sight.angles)
        mask = None if sight.attend_B11S is None else sight.attend_B11S[rows_M]
        k_MHSK, v_MHSK = (part.transpose(1, 2)[rows_M] for part in (k, v))
        mixed_MH1K = _mix(q_M1HK.transpose(1, 2), k_MHSK, v_MHSK, mask, is_causal=False)
        return self.output(mixed_MH1K.flatten(1))


def _attend(q: Tensor, k: Tensor, v: Tensor, sight: Sight) -> Tensor:
    """Scaled dot-product attention: of rows that see all that is there, then of causal ones."""
    cut = len(q) - sight.num_causal
    mixed = []
    if cut:
        mask = None if sight.attend_B11S is None else sight.attend_B11S[:cut]
        mixed.append(_mix(q[:cut], k[:cut], v[:cut], mask, is_causal=False))
    if sight.num_causal:
        mixed.append(_mix(q[cut:], k[cut:], v[cut:], None, is_causal=True))
    return mixed[0] if len(mixed) == 1 else torch.cat(mixed)


def _mix(q: Tensor, k: Tensor, v: Tensor, attend: Tensor | None, *, is_causal: bool) -> Tensor:
    """Attention; on a cpu by whichever way is fastest there.

    torch's bfloat16 kernel for cpus is slow backwards: plain products take its place for short
    rows, its float32 kernel for long ones (docs/decisions.md).
    """
    if q.is_cuda:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=attend, is_causal=is_causal)
    if torch.is_autocast_enabled("cpu") and q.shape[-2] <= LONGEST_PLAIN:
        scores_BHSS = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
        if is_causal:
            attend = torch.ones(scores_BHSS.shape[-2:], dtype=torch.bool).tril()
        if attend is not None:
            least = torch.finfo(scores_BHSS.dtype).min
            scores_BHSS = scores_BHSS.masked_fill(~attend, least)
        return scores_BHSS.softmax(-1) @ v
    with torch.autocast("cpu", enabled=False):
        dtype = torch.promote_types(q.dtype, torch.float32)
        q, k, v = q.to(dtype), k.to(dtype), v.to(dtype)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=attend, is_causal=is_causal)


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

    def forward(self, x_BSD: Tensor, sight: Sight) -> Tensor:
        """Residual stream after the block."""
        x_BSD = x_BSD + self.dropout(self.attention(self.attention_norm(x_BSD), sight))
        return self._fed(x_BSD)

    def at(self, x_BSD: Tensor, sight: Sight, positions_M: Tensor) -> Tensor:
        """What `forward` gives at flat positions, MD."""
        mixed_MD = self.attention.at(self.attention_norm(x_BSD), sight, positions_M)
        return self._fed(x_BSD.flatten(0, 1)[positions_M] + self.dropout(mixed_MD))

    def _fed(self, x_XD: Tensor) -> Tensor:
        hidden = F.gelu(self.up(self.mlp_norm(x_XD)))
        fed: Tensor = x_XD + self.dropout(self.down(hidden))
        return fed


class Transformer(nn.Module):
    """Token and position embeddings, a stack of blocks, a final norm.

    Args:
        options: the network.
        vocab_size: V.
        embedding_norm: whether embeddings are normalised (BERT) or not (GPT-2).
    """

    def __init__(
        self, options: TransformerOptions, vocab_size: int, *, embedding_norm: bool
    ) -> None:
        super().__init__()
        dim = options.dim
        self.head_width = dim // options.num_heads if options.positions == "rotary" else None
        self.tokens = nn.Embedding(vocab_size, dim)
        self.positions = None if self.head_width else nn.Embedding(options.max_length, dim)
        self.embedding_norm = nn.LayerNorm(dim) if embedding_norm else nn.Identity()
        self.final_norm = nn.LayerNorm(dim)
        self.dropout = nn.Dropout(options.dropout)
        self.blocks = nn.ModuleList(
            Block(dim, options.num_heads, options.dim_ff, options.dropout)
            for _ in range(options.num_layers)
        )

    def embed(self, ids_BS: Tensor) -> Tensor:
        """Layer 0: embeddings x_BSD."""
        x_BSD = self.tokens(ids_BS)
        if self.positions is not None:
            x_BSD = x_BSD + self.positions(torch.arange(ids_BS.shape[1], device=ids_BS.device))
        embedded: Tensor = self.dropout(self.embedding_norm(x_BSD))
        return embedded

    def sight(self, ids_BS: Tensor, attend_BS: Tensor | None, *, num_causal: int) -> Sight:
        """What the positions of a batch see."""
        angles = None
        if self.head_width:
            angles = rotary_angles(ids_BS.shape[1], self.head_width, ids_BS.device)
        mask = None if attend_BS is None else attend_BS[:, None, None, :]
        return Sight(mask, num_causal, angles)

    def forward(
        self, ids_BS: Tensor, attend_BS: Tensor | None = None, *, num_causal: int = 0
    ) -> list[Tensor]:
        """Hidden states h_BSD: embeddings, then each block; the last one is normalised."""
        layers = [self.embed(ids_BS)]
        sight = self.sight(ids_BS, attend_BS, num_causal=num_causal)
        for block in self.blocks:
            layers.append(block(layers[-1], sight))
        return [*layers[:-1], self.final_norm(layers[-1])]

    def at(self, ids_BS: Tensor, attend_BS: Tensor | None, positions_M: Tensor) -> Tensor:
        """The last state at flat positions, h_MD; the last block computes nothing else."""
        if attend_BS is not None and bool(attend_BS.all()):
            attend_BS = None
        x_BSD, sight = self.embed(ids_BS), self.sight(ids_BS, attend_BS, num_causal=0)
        for block in self.blocks[:-1]:
            x_BSD = block(x_BSD, sight)
        last = cast(Block, self.blocks[-1])
        h_MD: Tensor = self.final_norm(last.at(x_BSD, sight, positions_M))
        return h_MD


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
