"""BERT: a bidirectional Transformer trained to fill gaps (Devlin et al. 2019).

Departures, each for speed or stability at small scale:

- pre-norm blocks (the arithmetic of RoBERTa-PreLayerNorm; tests hold it to 1e-5);
- no next-sentence prediction and no segment embeddings (RoBERTa: Liu et al. 2019);
- positions may be rotary, which learn faster from little text (docs/decisions.md);
- the output head computes only the masked positions, and shares its matrix with the embeddings;
- the same number of positions is masked in every row, so that shapes never change (what is hidden:
  common/masking.py);
- dropout is off while pre-training (one pass or few over the text: nothing to regularise).

Shapes: B rows, S subwords, D dimensions, V vocabulary, K masked positions of a row, M = B * K.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from polyseme.config import build, config
from polyseme.data.tokenizer import WordPieces
from polyseme.models.base import TOKENIZER
from polyseme.models.common import exported as common
from polyseme.models.common.filling import MaskedFilling
from polyseme.models.common.language_model import LanguageModel, Losses, flat_positions
from polyseme.models.common.masking import MaskingOptions, hide
from polyseme.models.common.transformer import Transformer, initialize


@config
class Config(MaskingOptions):
    """Values of conf/lm/bert.yaml."""


class Model(LanguageModel, MaskedFilling):
    """Encoder and masked-LM head."""

    def __init__(self, options: Config, pieces: WordPieces) -> None:
        super().__init__(pieces, max_length=options.max_length, pooling=options.pooling)
        self.options, self.dim, self.predicts = options, options.dim, options.predicts
        self.num_layers = options.num_layers + 1
        self.encoder = Transformer(options, pieces.vocab_size, embedding_norm=True)
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
        return self.logits(self.encoder.at(ids_RS, attend_RS, positions_M))

    def make_batch(
        self, ids_BS: np.ndarray, flags_BS: np.ndarray, random: np.random.Generator
    ) -> dict[str, np.ndarray]:
        """Hide K positions a row."""
        shown_BS, positions_BK, targets_BK, weights_BK = hide(
            ids_BS,
            flags_BS,
            self.options,
            vocab_size=self.pieces.vocab_size,
            random=random,
            progress=self.progress,
        )
        return {
            "ids_BS": shown_BS,
            "positions_BK": positions_BK,
            "targets_BK": targets_BK,
            "weights_BK": weights_BK,
        }

    def losses(self, batch: dict[str, Tensor]) -> Losses:
        """Cross-entropy at the masked positions."""
        ids_BS, targets_M = batch["ids_BS"], batch["targets_BK"].flatten()
        h_PD = self.encoder(ids_BS)[-1].reshape(-1, self.dim)
        positions_M = flat_positions(batch["positions_BK"], ids_BS.shape[1])
        logits_MV = self.logits(h_PD[positions_M])
        nats_M = F.cross_entropy(logits_MV, targets_M, reduction="none")
        return self.sums(nats_M, targets_M, batch["weights_BK"].flatten())


def exported(model: Model) -> common.Exported:
    """As RoBERTa-PreLayerNorm, with rotary positions as ESM."""
    return common.exported(
        model.state_dict(),
        model.options,
        lambda ids_BS, attend_BS: model.logits(model.hidden_states(ids_BS, attend_BS)[-1]),
        head=common.Head("head", "head_norm", "head_bias"),
    )


def restore(card: dict[str, Any], folder: Path) -> Model:
    """The network of a card, its weights still to be loaded."""
    options = build(Config, card["config"], file=str(folder))
    return Model(options, WordPieces.load(folder / TOKENIZER))
