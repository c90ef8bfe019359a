"""Low-rank adaptation: every matrix of the layers gets W + alpha / r * B A (Hu et al. 2022).

Pre-trained weights stay as they are; the factors and the head learn. B starts at zero, so training
starts from the pre-trained function. Embeddings, norms and biases have no factors.

Not by `peft`: that replaces nn.Linear modules, which leaves out the matrices of an LSTM, and needs
two more libraries where this is two products (docs/decisions.md). Networks whose layer is one
tensor for several matrices (ELMo's two directions) get one pair of factors for each.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.func import functional_call

from polyseme.config import config
from polyseme.models.base import Representation, WordBatch, Words
from polyseme.strategies import base
from polyseme.training.options import Positive

MATRIX = 2


@config
class Config(base.EncoderOptions):
    """Values of conf/strategy/lora.yaml."""

    rank: Positive = 8
    """r; at most the smaller side of a matrix."""
    alpha: Annotated[float, Field(gt=0)] = 16.0
    """What the product is scaled by, times 1 / r."""


class LowRank(Representation):
    """A representation whose matrices are adapted; its own weights do not learn.

    Args:
        whole: the representation.
        rank: r.
        alpha: scale.
        seed: of the factors A; B are zero.
    """

    family = "contextual"

    def __init__(self, whole: Representation, *, rank: int, alpha: float, seed: int) -> None:
        super().__init__()
        self.whole, self.scale = whole.requires_grad_(False), alpha / rank
        self.num_layers, self.dim, self.pooling = whole.num_layers, whole.dim, whole.pooling
        generator = torch.Generator().manual_seed(seed)
        self.names = [n for n, w in whole.named_parameters() if whole.depth(n) and w.ndim >= MATRIX]
        self.down, self.up = nn.ParameterList(), nn.ParameterList()
        weights = dict(whole.named_parameters())
        for name in self.names:
            *networks, rows, columns = weights[name].shape
            bound = 1 / math.sqrt(columns)
            factor = torch.empty(*networks, min(rank, rows, columns), columns)
            nn.init.uniform_(factor, -bound, bound, generator=generator)
            self.down.append(nn.Parameter(factor.to(weights[name].device)))
            self.up.append(nn.Parameter(weights[name].new_zeros(*networks, rows, factor.shape[-2])))

    def adapted(self) -> dict[str, Tensor]:
        """The matrices as they are used, by name."""
        weights = dict(self.whole.named_parameters())
        pairs = zip(self.names, self.up, self.down, strict=True)
        return {name: weights[name] + self.scale * (up @ down) for name, up, down in pairs}

    def prepare(self, sentences: Sequence[Words]) -> WordBatch:
        """See Representation."""
        return self.whole.prepare(sentences)

    def forward(self, batch: WordBatch) -> Tensor:
        """See Representation."""
        with torch.autocast(batch.lengths_B.device.type, enabled=False):
            adapted = self.adapted()
        found: Tensor = functional_call(self.whole, adapted, (batch,))
        return found

    def reset(self, seed: int) -> None:
        """See Representation."""
        self.whole.reset(seed)

    def knows(self, word: str) -> bool:
        """See Representation."""
        return self.whole.knows(word)

    def merged(self) -> Representation:
        """See Representation: the same function without factors; the pre-trained weights change."""
        with torch.no_grad():
            for name, weight in self.adapted().items():
                self.whole.get_parameter(name).copy_(weight)
            for up in self.up:
                up.zero_()
        return self.whole


class Strategy(base.Strategy):
    """Start from the pre-trained function, and learn factors."""

    trains_encoder = True

    def __init__(self, options: Config) -> None:
        self.options: Config = options

    def refuses(self, representation: Representation) -> str | None:
        """A table has no matrix but the table itself."""
        names = [n for n, w in representation.named_parameters() if w.ndim >= MATRIX]
        if not any(map(representation.depth, names)):
            return "has no layer above its embeddings: there is no matrix to adapt"
        return None

    def start(self, representation: Representation, seed: int) -> Representation:
        """Factors around the pre-trained weights."""
        options = self.options
        return LowRank(representation, rank=options.rank, alpha=options.alpha, seed=seed)

    def groups(self, representation: Representation, head: nn.Module) -> list[dict[str, Any]]:
        """The factors, without weight decay, and the head."""
        learned = [w for w in representation.parameters() if w.requires_grad]
        return [
            {"params": learned, "lr": self.options.encoder_lr, "weight_decay": 0.0},
            {"params": list(head.parameters()), "lr": self.options.head_lr},
        ]
