"""BERT's head over the vocabulary (Devlin et al. 2019), for networks of another width, too.

Shapes: M positions, E dimensions of the network, D of the embeddings, V vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class TokenHead(nn.Module):
    """Dense, GELU, norm, then the product with the table of embeddings.

    Args:
        width: E.
        dim: D.
        vocab_size: V.
    """

    def __init__(self, width: int, dim: int, vocab_size: int) -> None:
        super().__init__()
        self.dense, self.norm = nn.Linear(width, dim), nn.LayerNorm(dim)
        self.bias = nn.Parameter(torch.zeros(vocab_size))

    def forward(self, h_ME: Tensor, table_VD: Tensor) -> Tensor:
        """Scores of every token, MV."""
        return F.linear(self.norm(F.gelu(self.dense(h_ME))), table_VD, self.bias)

    def reset(self) -> None:
        """No token is preferred; the rest is `initialize`'s."""
        nn.init.zeros_(self.bias)
