"""Pair: two marked words, in one text or in two, compared: |a - b| and a * b, one label."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polyseme.errors import DataError
from polyseme.tasks.families import classification

if TYPE_CHECKING:
    from torch import Tensor


class Family(classification.Family):
    """A label for two marked words."""

    pools = False

    def parts(self, h_BTD: Tensor, mask_BT: Tensor, places_BP: Tensor | None) -> Tensor:
        """The two words."""
        import torch

        if places_BP is None:
            raise DataError("has no marked words", where="family pair", mend="give `places`")
        rows_B = torch.arange(len(h_BTD), device=h_BTD.device)
        return torch.stack([h_BTD[rows_B, places_BP[:, side]] for side in (0, 1)], dim=1)[:, None]

    def combine(self, h_XQD: Tensor) -> Tensor:
        """How the two words differ and agree, dimension by dimension."""
        import torch

        first_XD, second_XD = h_XQD.unbind(-2)
        return torch.cat([(first_XD - second_XD).abs(), first_XD * second_XD], dim=-1)

    def width(self, dim: int) -> int:
        """2 D."""
        return 2 * dim
