"""BERT: a bidirectional Transformer trained to fill gaps (Devlin et al. 2019).

Departures, each for speed or stability at small scale:

- pre-norm blocks (the arithmetic of RoBERTa-PreLayerNorm; tests hold it to 1e-5);
- no next-sentence prediction and no segment embeddings (RoBERTa: Liu et al. 2019);
- positions may be rotary, which learn faster from little text (docs/decisions.md);
- the output head computes only the masked positions, and shares its matrix with the embeddings;
- the same number of positions is masked in every row, so that shapes never change;
- dropout is off while pre-training (one pass or few over the text: nothing to regularise).

Shapes: B rows, S subwords, D dimensions, V vocabulary, K masked positions of a row, M = B * K.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from polyseme.config import build, config
from polyseme.data.tokenizer import MASK, SPECIALS, WordPieces
from polyseme.models.base import TOKENIZER
from polyseme.models.common.contextual import Pooling
from polyseme.models.common.exported import (
    Exported,
    roberta_config,
    roberta_encoder,
    roberta_head,
)
from polyseme.models.common.filling import MaskedFilling
from polyseme.models.common.language_model import LanguageModel, Losses
from polyseme.models.common.transformer import Positions, Transformer, initialize
from polyseme.training.options import Fraction, Portion, Positive, TrainingOptions

SPECIAL_FLAG = 2


@config
class Config(TrainingOptions):
    """Network and objective."""

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
    mask_ratio: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of positions to predict."""
    mask_replace: Fraction = 0.8
    """Share of those that are shown as [MASK]."""
    mask_random: Fraction = 0.1
    """Share of those that are shown as a random token; the rest is shown as it is."""
    positions: Positions = "learned"
    """learned: a vector for each position. rotary: queries and keys turn with it (Su et al.)."""
    pooling: Pooling = "mean"
    """Subwords to word vector."""

    @model_validator(mode="after")
    def _consistent(self) -> Config:
        if self.dim % self.num_heads:
            raise ValueError(f"num_heads that divides dim = {self.dim}")
        if self.positions == "rotary" and self.dim // self.num_heads % 2:
            raise ValueError(f"an even dim / num_heads for rotary positions; dim = {self.dim}")
        if self.max_length < self.sequence_length:
            raise ValueError(f"max_length >= sequence_length = {self.sequence_length}")
        if self.mask_replace + self.mask_random > 1:
            raise ValueError("mask_replace + mask_random <= 1")
        return self


class Model(LanguageModel, MaskedFilling):
    """Encoder and masked-LM head."""

    def __init__(self, options: Config, pieces: WordPieces) -> None:
        super().__init__(pieces, max_length=options.max_length, pooling=options.pooling)
        self.options, self.dim = options, options.dim
        self.num_layers = options.num_layers + 1
        self.encoder = Transformer(
            vocab_size=pieces.vocab_size,
            max_length=options.max_length,
            dim=options.dim,
            num_layers=options.num_layers,
            num_heads=options.num_heads,
            dim_ff=options.dim_ff,
            dropout=options.dropout,
            positions=options.positions,
        )
        self.head, self.head_norm = nn.Linear(self.dim, self.dim), nn.LayerNorm(self.dim)
        self.head_bias = nn.Parameter(torch.zeros(pieces.vocab_size))

    def reset(self, seed: int) -> None:
        """Random initial weights."""
        initialize(self, seed)
        nn.init.zeros_(self.head_bias)

    def hidden_states(self, ids_RS: Tensor, attend_RS: Tensor | None) -> list[Tensor]:
        """L = num_layers + 1 states h_RSD."""
        return self.encoder(ids_RS, attend_RS)

    def logits(self, h_MD: Tensor) -> Tensor:
        """Scores of every token at the given positions, MV."""
        x_MD = self.head_norm(F.gelu(self.head(h_MD)))
        return F.linear(x_MD, self.encoder.tokens.weight, self.head_bias)

    def masked_logits(self, ids_RS: Tensor, attend_RS: Tensor, positions_M: Tensor) -> Tensor:
        """Scores of every token at hidden positions, MV."""
        h_PD = self.encoder(ids_RS, attend_RS)[-1].reshape(-1, self.dim)
        return self.logits(h_PD[positions_M])

    def make_batch(
        self, ids_BS: np.ndarray, flags_BS: np.ndarray, random: np.random.Generator
    ) -> dict[str, np.ndarray]:
        """Choose K positions a row, never a special token, and hide them."""
        rows, length = ids_BS.shape
        num_masked = max(1, round(self.options.mask_ratio * length))
        score_BS = random.random((rows, length))
        score_BS[flags_BS == SPECIAL_FLAG] = -1.0
        chosen_BK = np.argpartition(-score_BS, num_masked - 1, axis=1)[:, :num_masked]
        chosen_BK = np.sort(chosen_BK, axis=1)
        targets_BK = np.take_along_axis(ids_BS, chosen_BK, axis=1)
        weights_BK = np.take_along_axis(score_BS, chosen_BK, axis=1) >= 0
        shown_BS = ids_BS.copy()
        np.put_along_axis(shown_BS, chosen_BK, self._hide(targets_BK, weights_BK, random), axis=1)
        flat_BK = chosen_BK + np.arange(rows)[:, None] * length
        return {
            "ids_BS": shown_BS,
            "positions_M": flat_BK.ravel(),
            "targets_M": targets_BK.ravel(),
            "weights_M": weights_BK.ravel().astype(np.float32),
        }

    def _hide(
        self, targets_BK: np.ndarray, weights_BK: np.ndarray, random: np.random.Generator
    ) -> np.ndarray:
        """What is shown at the chosen positions."""
        draw_BK = random.random(targets_BK.shape)
        other_BK = random.integers(len(SPECIALS), self.pieces.vocab_size, targets_BK.shape)
        replace, change = self.options.mask_replace, self.options.mask_random
        shown_BK = np.where(draw_BK < replace + change, other_BK, targets_BK)
        shown_BK = np.where(draw_BK < replace, MASK, shown_BK)
        return np.where(weights_BK, shown_BK, targets_BK)

    def losses(self, batch: dict[str, Tensor]) -> Losses:
        """Cross-entropy at the masked positions."""
        h_PD = self.encoder(batch["ids_BS"])[-1].reshape(-1, self.dim)
        logits_MV = self.logits(h_PD[batch["positions_M"]])
        nats_M = F.cross_entropy(logits_MV, batch["targets_M"], reduction="none")
        return self.sums(nats_M, batch["targets_M"], batch["weights_M"])


def exported(model: Model) -> Exported:
    """As RoBERTa-PreLayerNorm with its head over the vocabulary."""
    state, num_layers = model.state_dict(), model.options.num_layers
    return Exported(
        "RobertaPreLayerNormForMaskedLM",
        roberta_config(model.options, model.pieces.vocab_size),
        roberta_encoder(state, num_layers)
        | roberta_head(state, dense="head", norm="head_norm", bias="head_bias"),
        lambda ids_BS, attend_BS: model.logits(model.hidden_states(ids_BS, attend_BS)[-1]),
        model.max_length,
    )


def restore(card: dict[str, Any], folder: Path) -> Model:
    """The network of a card, its weights still to be loaded."""
    options = build(Config, card["config"], file=str(folder))
    return Model(options, WordPieces.load(folder / TOKENIZER))
