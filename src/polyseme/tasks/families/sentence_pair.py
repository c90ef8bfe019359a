"""Two texts, each the mean of its words, compared; one label (InferSent, Conneau et al. 2017).

The texts stand in one item with the mark TEXT between them, and `places` names the place of the
mark. No representation mixes the two: what they have to do with each other, the head alone sees, in
[u, v, |u - v|, u * v]. Departure: InferSent has a layer of 512 units below the classifier; here
the one linear layer of every other task is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from polyseme.errors import DataError
from polyseme.tasks.families import base, classification

if TYPE_CHECKING:
    from torch import Tensor


class Family(classification.Family):
    """A label for two texts."""

    pools = False

    def parts(self, h_BTD: Tensor, mask_BT: Tensor, places_BP: Tensor | None) -> Tensor:
        """Both means."""
        import torch

        if places_BP is None:
            raise DataError(
                "has one text an item", where="family sentence_pair", mend="give `places`"
            )
        words_T = torch.arange(h_BTD.shape[1], device=h_BTD.device)
        u_BD = base.mean(h_BTD, mask_BT & (words_T < places_BP[:, :1]))
        v_BD = base.mean(h_BTD, mask_BT & (words_T > places_BP[:, :1]))
        return torch.stack([u_BD, v_BD], dim=1)[:, None]

    def combine(self, h_XQD: Tensor) -> Tensor:
        """Both, how they differ and how they agree, dimension by dimension."""
        import torch

        u_XD, v_XD = h_XQD.unbind(-2)
        return torch.cat([u_XD, v_XD, (u_XD - v_XD).abs(), u_XD * v_XD], dim=-1)

    def width(self, dim: int) -> int:
        """4 D."""
        return 4 * dim
