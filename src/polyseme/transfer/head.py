"""The one head that every representation gets: scalar mix of layers, units, linear classifier.

Scalar mix: Peters et al. 2018, equation 1, with layer normalisation of each layer, since layers of
a pre-norm Transformer grow with depth. A static representation has one layer; its mix is a scale.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from polyseme.tasks.families.base import Family


class Head(nn.Module):
    """h_LBTD and mask_BT to logits_BUC.

    Args:
        num_layers: L.
        dim: D.
        num_labels: C.
        family: turns words into the U units that get a label.
        dropout: on the mixed vectors.
    """

    def __init__(
        self, *, num_layers: int, dim: int, num_labels: int, family: Family, dropout: float
    ) -> None:
        super().__init__()
        self.family = family
        self.weights_L, self.scale = (
            nn.Parameter(torch.zeros(num_layers)),
            nn.Parameter(torch.ones(1)),
        )
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(family.width(dim), family.num_outputs(num_labels))

    def forward(self, h_LBTD: Tensor, mask_BT: Tensor, places_BP: Tensor | None = None) -> Tensor:
        """Scores of each label."""
        h_LBTD = F.layer_norm(h_LBTD, h_LBTD.shape[-1:])
        mixed_BTD = self.scale * torch.einsum("l,lbtd->btd", self.weights_L.softmax(0), h_LBTD)
        logits: Tensor = self.classifier(
            self.dropout(self.family.units(mixed_BTD, mask_BT, places_BP))
        )
        return logits
