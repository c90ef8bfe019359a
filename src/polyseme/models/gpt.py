"""GPT: a Transformer that reads from left to right (Radford et al. 2018; pre-norm: GPT-2, 2019).

With learned positions it is GPT-2 with the exact GELU, with rotary positions GPT-NeoX with a
sequential residual and tied embeddings; tests hold it to both within 1e-5. Departures:

- every token of a row but the first is predicted, except [CLS], which follows each [SEP] by rule;
- dropout is off while pre-training (one pass or few over the text: nothing to regularise).

Bits per byte are over all predicted tokens: the end of a sentence costs bits and has no bytes.

Each position is predicted, so the product with the vocabulary and its softmax are a large part of
a step: see common/next_token.py.

Shapes: B rows, S subwords, D dimensions, V vocabulary.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from polyseme.config import build, config
from polyseme.data.tokenizer import CLS, WordPieces
from polyseme.models.base import TOKENIZER
from polyseme.models.common.exported import Exported
from polyseme.models.common.exported_causal import exported_causal
from polyseme.models.common.filling import CausalFilling
from polyseme.models.common.language_model import FROM_THE_LEFT, LanguageModel, Losses
from polyseme.models.common.next_token import next_token_nats
from polyseme.models.common.transformer import Transformer, TransformerOptions, initialize


@config
class Config(TransformerOptions):
    """Values of conf/lm/gpt.yaml."""


class Model(LanguageModel, CausalFilling):
    """Decoder with tied embeddings."""

    predicts = FROM_THE_LEFT

    def __init__(self, options: Config, pieces: WordPieces) -> None:
        super().__init__(pieces, max_length=options.max_length, pooling=options.pooling)
        self.options, self.dim = options, options.dim
        self.num_layers = options.num_layers + 1
        self.encoder = Transformer(options, pieces.vocab_size, embedding_norm=False)

    def reset(self, seed: int) -> None:
        """Random initial weights; what adds to the residual stream starts smaller (GPT-2, 2.3)."""
        initialize(self, seed)
        with torch.no_grad():
            for name, weight in self.encoder.blocks.named_parameters():
                if name.endswith(("output.weight", "down.weight")):
                    weight.div_((2 * self.options.num_layers) ** 0.5)

    def hidden_states(self, ids_RS: Tensor, attend_RS: Tensor | None) -> list[Tensor]:
        """L = num_layers + 1 states h_RSD, each of what stands to the left."""
        return self.encoder(ids_RS, num_causal=len(ids_RS))

    def causal_logits(self, ids_RS: Tensor) -> Tensor:
        """Scores of the token after each position, RSV."""
        h_RSD = self.encoder(ids_RS, num_causal=len(ids_RS))[-1]
        return F.linear(h_RSD, self.encoder.tokens.weight)

    def make_batch(
        self, ids_BS: np.ndarray, flags_BS: np.ndarray, random: np.random.Generator
    ) -> dict[str, np.ndarray]:
        """The rows; nothing is drawn."""
        return {"ids_BS": ids_BS}

    def losses(self, batch: dict[str, Tensor]) -> Losses:
        """Cross-entropy of each next token."""
        ids_BS = batch["ids_BS"]
        h_BSD = self.encoder(ids_BS, num_causal=len(ids_BS))[-1]
        targets_M, h_MD = ids_BS[:, 1:].flatten(), h_BSD[:, :-1].flatten(0, 1)
        nats_M = next_token_nats(h_MD, self.encoder.tokens.weight, targets_M)
        return self.sums(nats_M, targets_M, (targets_M != CLS).float())


def exported(model: Model) -> Exported:
    """As GPT-2, with rotary positions as GPT-NeoX."""
    return exported_causal(
        model.state_dict(), model.options, lambda ids_BS, _: model.causal_logits(ids_BS)
    )


def restore(card: dict[str, Any], folder: Path) -> Model:
    """The network of a card, its weights still to be loaded."""
    options = build(Config, card["config"], file=str(folder))
    return Model(options, WordPieces.load(folder / TOKENIZER))
