"""ELMo: a bidirectional LSTM language model over characters (Peters et al. 2018).

The network is that of the paper (common/elmo_network.py; tests hold it to published weights):
character CNN with highways, two layers of projected and clipped LSTMs in each direction, a
residual connection, one softmax for both directions. Departures:

- positions are the pieces of the shared tokenizer, and pieces are what is predicted, so that losses
  compare as bits per byte. A position has the characters of its own piece, never those of its word:
  they would tell the next piece. The mark of a word's beginning stands where a piece begins one;
- the softmax is over all pieces, not sampled;
- rows of text begin at a state of zero, in training as in encoding (the original carries states on,
  so that a sentence had other vectors in another batch);
- AdamW instead of Adagrad; dropout is off by default (one pass or few over the text).

Layers are the token's vector (twice), then each LSTM layer: forward and backward side by side; the
scalar mix of the paper is that of the heads. Losses are sums over both directions: every piece but
those at the ends of a row is predicted once by each, and its bytes are counted once for each, so
that bits per byte are the mean of the two directions. Ends of sentences cost bits and have no
bytes, as in gpt: from the left [SEP] is predicted, but not the [CLS] that follows it by rule; from
the right it is the other way round.

Shapes: B rows, S subwords, P dimensions of a direction, D = 2P, C characters, V vocabulary,
M predicted.
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
from polyseme.data.tokenizer import CLS, SEP, WordPieces
from polyseme.models.base import TOKENIZER
from polyseme.models.common.characters import Activation, of_pieces
from polyseme.models.common.contextual import Pooling
from polyseme.models.common.elmo_network import BiLM, Filters, NotNegative, Shape
from polyseme.models.common.language_model import LanguageModel, Losses
from polyseme.models.common.next_token import next_token_nats
from polyseme.models.common.two_sided import TwoSidedFilling
from polyseme.training.options import Portion, Positive, Rate, TrainingOptions


@config
class Config(TrainingOptions):
    """Network and objective."""

    dim: Positive = 128
    """D, of both directions together; even."""
    cell_dim: Positive = 256
    """Cells of one direction of a layer."""
    num_layers: Positive = 2
    """LSTM layers of each direction."""
    cell_clip: Rate | None = 3.0
    """Bound of the cells' states."""
    projection_clip: Rate | None = 3.0
    """Bound of the projected states."""
    character_dim: Positive = 16
    """Dimensions of a character."""
    filters: Filters = ((1, 16), (2, 16), (3, 32), (4, 32), (5, 32))
    """Width and number of each kind of filter over characters."""
    num_highways: NotNegative = 1
    """Highway layers after the filters."""
    activation: Activation = "relu"
    """After the filters."""
    max_characters: Annotated[int, Field(ge=3)] = 50
    """Bytes of a piece, the marks of its ends included; the rest is not seen."""
    dropout: Portion = 0.0
    """On the input of each layer and on what predicts, while pre-training."""
    max_length: Annotated[int, Field(ge=8)] = 512
    """Most subwords of a row in encoding."""
    pooling: Pooling = "mean"
    """Subwords to word vector."""

    @model_validator(mode="after")
    def _even(self) -> Config:
        if self.dim % 2:
            raise ValueError("dim that is even")
        return self


class Model(LanguageModel, TwoSidedFilling):
    """Both directions and their softmax."""

    predicts = "every token, from each side alone"
    first = frozenset({"words", "softmax"})
    characters_VC: Tensor

    def __init__(self, options: Config, pieces: WordPieces) -> None:
        super().__init__(pieces, max_length=options.max_length, pooling=options.pooling)
        self.options, self.dim = options, options.dim
        self.num_layers = options.num_layers + 1
        self.network = BiLM(_shape(options), dropout=options.dropout)
        self.softmax = nn.Linear(options.dim // 2, pieces.vocab_size)
        characters = torch.from_numpy(of_pieces(pieces, options.max_characters))
        self.register_buffer("characters_VC", characters, persistent=False)

    def reset(self, seed: int) -> None:
        """Random initial weights."""
        generator = torch.Generator().manual_seed(seed)
        self.network.initialize(generator)
        nn.init.normal_(self.softmax.weight, std=(self.dim // 2) ** -0.5, generator=generator)
        nn.init.zeros_(self.softmax.bias)

    def hidden_states(self, ids_RS: Tensor, attend_RS: Tensor | None) -> list[Tensor]:
        """L = num_layers + 1 states h_RSD."""
        lengths_R = ids_RS.new_full((len(ids_RS),), ids_RS.shape[1])
        if attend_RS is not None:
            lengths_R = attend_RS.sum(1)
        layers, _ = self.network.contextualize(self._pieces(ids_RS), lengths_R)
        return layers

    def _pieces(self, ids_RS: Tensor) -> Tensor:
        """Vectors of pieces x_RSP; each piece of the batch is read once."""
        unique_N, where_RS = ids_RS.unique(return_inverse=True)
        return F.embedding(where_RS, self.network.words(self.characters_VC[unique_N]))

    def side_logits(self, ids_RS: Tensor, attend_RS: Tensor) -> tuple[Tensor, Tensor]:
        """Scores of the token after each position, and of the one before it; each RSV."""
        left_RSP, right_RSP = self.hidden_states(ids_RS, attend_RS)[-1].chunk(2, dim=-1)
        return self.softmax(left_RSP), self.softmax(right_RSP)

    def make_batch(
        self, ids_BS: np.ndarray, flags_BS: np.ndarray, random: np.random.Generator
    ) -> dict[str, np.ndarray]:
        """The rows; nothing is drawn."""
        return {"ids_BS": ids_BS}

    def losses(self, batch: dict[str, Tensor]) -> Losses:
        """Cross-entropy of each next and each previous token."""
        ids_BS = batch["ids_BS"]
        h_BSD = F.dropout(self.hidden_states(ids_BS, None)[-1], self.options.dropout, self.training)
        left_BSP, right_BSP = h_BSD.chunk(2, dim=-1)
        next_BS, previous_BS = ids_BS[:, 1:], ids_BS[:, :-1]
        kept_next, kept_previous = next_BS != CLS, previous_BS != SEP
        h_MP = torch.cat([left_BSP[:, :-1][kept_next], right_BSP[:, 1:][kept_previous]])
        targets_M = torch.cat([next_BS[kept_next], previous_BS[kept_previous]])
        nats_M = next_token_nats(h_MP, self.softmax.weight, targets_M, self.softmax.bias)
        return self.sums(nats_M, targets_M, torch.ones_like(nats_M))


def _shape(options: Config) -> Shape:
    return Shape(
        character_dim=options.character_dim,
        filters=options.filters,
        num_highways=options.num_highways,
        activation=options.activation,
        max_characters=options.max_characters,
        dim=options.dim // 2,
        cell_dim=options.cell_dim,
        num_layers=options.num_layers,
        cell_clip=options.cell_clip,
        projection_clip=options.projection_clip,
        residual=True,
    )


def restore(card: dict[str, Any], folder: Path) -> Model:
    """The network of a card, its weights still to be loaded."""
    options = build(Config, card["config"], file=str(folder))
    return Model(options, WordPieces.load(folder / TOKENIZER))
