"""The network of ELMo (Peters et al. 2018): character CNN, bidirectional LSTM language model.

The two directions are language models of their own that share input and softmax: layer l of a
direction reads layer l - 1 of the same direction, with a residual connection above the first. The
network loads the weights that bilm-tf and AllenNLP published (`load_original`), and tests hold it
to their reference vectors. As there, states can be carried from batch to batch; without `state`
every row begins at zero, so that a sentence has the same vectors in any batch.

Shapes: R rows, S steps, P projected dimensions, C cells, G = 2 directions, L layers.
"""

from __future__ import annotations

import math
from typing import Annotated, cast

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from polyseme.config import config
from polyseme.models.common.characters import Activation, CharacterCNN
from polyseme.models.common.lstm import ProjectedLSTM
from polyseme.training.options import Positive, Rate

NotNegative = Annotated[int, Field(ge=0)]
Filters = Annotated[tuple[tuple[Positive, Positive], ...], Field(min_length=1)]
State = list[tuple[Tensor, Tensor]]
FORWARD, BACKWARD = 0, 1
FORGET_BIAS = 1.0


@config
class Shape:
    """Sizes of the network."""

    character_dim: Positive
    """Dimensions of a character."""
    filters: Filters
    """Width and number of each kind of filter over characters."""
    num_highways: NotNegative
    """Highway layers after the filters."""
    activation: Activation
    """After the filters."""
    max_characters: Annotated[int, Field(ge=3)]
    """Bytes of a word, the marks of its ends included."""
    dim: Positive
    """P, dimensions of each direction."""
    cell_dim: Positive
    """C."""
    num_layers: Positive
    """LSTM layers of each direction."""
    cell_clip: Rate | None
    """Bound of the cells' states."""
    projection_clip: Rate | None
    """Bound of the projected states."""
    residual: bool
    """Whether layers above the first add their input to their output."""

    @model_validator(mode="after")
    def _filters_fit(self) -> Shape:
        if self.max_characters < max(width for width, _ in self.filters):
            raise ValueError(f"filters no wider than max_characters = {self.max_characters}")
        return self


class BiLM(nn.Module):
    """Characters to the states of both directions; `dropout` acts on the input of each layer."""

    def __init__(self, shape: Shape, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.shape, self.dropout = shape, dropout
        self.words = CharacterCNN(
            dim=shape.character_dim,
            filters=shape.filters,
            num_highways=shape.num_highways,
            activation=shape.activation,
            projection_dim=shape.dim,
            max_characters=shape.max_characters,
        )
        self.layers = nn.ModuleList(
            ProjectedLSTM(
                2,
                shape.dim,
                shape.cell_dim,
                shape.dim,
                cell_clip=shape.cell_clip or math.inf,
                projection_clip=shape.projection_clip or math.inf,
            )
            for _ in range(shape.num_layers)
        )

    @property
    def lstms(self) -> list[ProjectedLSTM]:
        """The LSTM layers."""
        return cast("list[ProjectedLSTM]", list(self.layers))

    def forward(
        self, characters_RSC: Tensor, lengths_R: Tensor, state: State | None = None
    ) -> tuple[list[Tensor], State]:
        """Layers h_RS2P, L + 1 of them, and the states after the last word of each row.

        Args:
            characters_RSC: see characters.py; the marks of a sentence's ends are words.
            lengths_R: words of each row; what follows them is ignored.
            state: of the batch before; zero if None.
        """
        x_RSP = self.words(characters_RSC.flatten(0, 1)).view(*characters_RSC.shape[:2], -1)
        return self.contextualize(x_RSP, lengths_R, state)

    def contextualize(
        self, x_RSP: Tensor, lengths_R: Tensor, state: State | None = None
    ) -> tuple[list[Tensor], State]:
        """As forward, from the vectors of words."""
        turned_RS = _turned(lengths_R, x_RSP.shape[1])
        x_RSP = F.dropout(x_RSP.float(), self.dropout, self.training)
        x_SGRP = torch.stack([x_RSP, _take(x_RSP, turned_RS)], dim=1).permute(2, 1, 0, 3)
        layers, states = [x_RSP.repeat(1, 1, 2)], []
        for number, layer in enumerate(self.lstms):
            dropped = F.dropout(x_SGRP, self.dropout, self.training) if number else x_SGRP
            h_SGRP, c_SGRC = layer(dropped, state[number] if state else None)
            states.append((_last(h_SGRP, lengths_R), _last(c_SGRC, lengths_R)))
            x_SGRP = h_SGRP + x_SGRP if self.shape.residual and number else h_SGRP
            layers.append(_joined(x_SGRP, turned_RS))
        return layers, states

    def initialize(self, generator: torch.Generator) -> None:
        """Random initial weights: Glorot's for the LSTMs, forget gates open."""
        self.words.initialize(generator)
        for layer in self.lstms:
            fan = layer.input.shape[1] + layer.recurrent.shape[1] + layer.input.shape[2]
            cells = layer.projection.shape[1]
            for weight in (layer.input, layer.recurrent):
                bound = (6 / fan) ** 0.5
                nn.init.uniform_(weight, -bound, bound, generator=generator)
            bound = (6 / sum(layer.projection.shape[1:])) ** 0.5
            nn.init.uniform_(layer.projection, -bound, bound, generator=generator)
            nn.init.zeros_(layer.bias)
            nn.init.constant_(layer.bias[..., 2 * cells : 3 * cells], FORGET_BIAS)


def _turned(lengths_R: Tensor, steps: int) -> Tensor:
    """Where each row's words are read from when it is read backwards; what follows them stays."""
    place_S = torch.arange(steps, device=lengths_R.device)
    ends_R1 = lengths_R[:, None]
    return torch.where(place_S < ends_R1, ends_R1 - 1 - place_S, place_S)


def _take(x_RSP: Tensor, places_RS: Tensor) -> Tensor:
    rows_R1 = torch.arange(len(x_RSP), device=x_RSP.device)[:, None]
    return x_RSP[rows_R1, places_RS]


def _joined(h_SGRP: Tensor, turned_RS: Tensor) -> Tensor:
    """Both directions in the order of the text, h_RS2P."""
    h_GRSP = h_SGRP.permute(1, 2, 0, 3)
    return torch.cat([h_GRSP[FORWARD], _take(h_GRSP[BACKWARD], turned_RS)], dim=-1)


def _last(states_SGRX: Tensor, lengths_R: Tensor) -> Tensor:
    """States after the last word of each row, GRX."""
    rows_R = torch.arange(len(lengths_R), device=lengths_R.device)
    return states_SGRX.detach()[lengths_R - 1, :, rows_R].transpose(0, 1)
