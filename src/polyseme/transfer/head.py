"""The one head that every representation gets: scalar mix of layers, units, linear classifier.

Scalar mix: Peters et al. 2018, equation 1, with layer normalisation of each layer, since layers of
a pre-norm Transformer grow with depth. A static representation has one layer; its mix is a scale.
A strategy may ask for a BiLSTM between mix and units (as in the same paper), or for concatenated
pooling of sentences (Howard & Ruder 2018: last word, maximum and mean).

Shapes: L layers, B items, T words, D dimensions, U units of Q parts, C outputs.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from polyseme.tasks.families.base import Family

Pooling = Literal["mean", "concat"]
NUM_POOLED = 3


class HeadOptions(NamedTuple):
    """What a strategy may choose.

    Attributes:
        dropout: on the vectors of the units.
        lstm_dim: hidden dimensions of each direction of a BiLSTM; 0 for none.
        pooling: of sentences, in families that pool them.
    """

    dropout: float = 0.0
    lstm_dim: int = 0
    pooling: Pooling = "mean"

    @property
    def is_linear(self) -> bool:
        """Whether units can be made before layers are mixed."""
        return not self.lstm_dim and self.pooling == "mean"


class Head(nn.Module):
    """h_LBTD and mask_BT to logits_BUC.

    Args:
        num_layers: L.
        dim: D.
        num_labels: distinct labels; the family says how many outputs that makes.
        family: turns words into the units that get a label.
        options: of the strategy.
    """

    def __init__(
        self, *, num_layers: int, dim: int, num_labels: int, family: Family, options: HeadOptions
    ) -> None:
        super().__init__()
        self.family = family
        self.concat = options.pooling == "concat" and family.pools
        self.weights_L = nn.Parameter(torch.zeros(num_layers))
        self.scale = nn.Parameter(torch.ones(1))
        self.lstm = None
        if options.lstm_dim:
            self.lstm = nn.LSTM(dim, options.lstm_dim, batch_first=True, bidirectional=True)
            dim = 2 * options.lstm_dim
        self.dropout = nn.Dropout(options.dropout)
        width = NUM_POOLED * dim if self.concat else family.width(dim)
        self.classifier = nn.Linear(width, family.num_outputs(num_labels))

    def forward(self, h_LBTD: Tensor, mask_BT: Tensor, places_BP: Tensor | None = None) -> Tensor:
        """Scores of each label."""
        h_LBTD = F.layer_norm(h_LBTD, h_LBTD.shape[-1:])
        mixed_BTD = self.scale * torch.einsum("l,lbtd->btd", self.weights_L.softmax(0), h_LBTD)
        if self.lstm is not None:
            mixed_BTD = self._read(self.lstm, mixed_BTD, mask_BT)
        if self.concat:
            units_BUE = pooled(mixed_BTD, mask_BT)[:, None]
        else:
            units_BUE = self.family.units(mixed_BTD, mask_BT, places_BP)
        return cast("Tensor", self.classifier(self.dropout(units_BUE)))

    @staticmethod
    def _read(lstm: nn.LSTM, x_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        """States of both directions; padding is not read."""
        lengths_B = mask_BT.sum(1).clamp(min=1).cpu()
        with torch.autocast(x_BTD.device.type, enabled=False):
            packed = pack_padded_sequence(
                x_BTD.float(), lengths_B, batch_first=True, enforce_sorted=False
            )
            h_BTD, _ = pad_packed_sequence(
                lstm(packed)[0], batch_first=True, total_length=x_BTD.shape[1]
            )
        return h_BTD


def pooled(h_BTD: Tensor, mask_BT: Tensor) -> Tensor:
    """Last word, maximum and mean side by side, B x 3D."""
    mask_BT1 = mask_BT[..., None]
    last_B = (mask_BT.sum(1) - 1).clamp(min=0)
    last_BD = h_BTD[torch.arange(len(h_BTD), device=h_BTD.device), last_B]
    most_BD = h_BTD.masked_fill(~mask_BT1, torch.finfo(h_BTD.dtype).min).amax(1)
    mean_BD = (h_BTD * mask_BT1).sum(1) / mask_BT1.sum(1).clamp(min=1)
    return torch.cat([last_BD, most_BD, mean_BD], dim=-1)
