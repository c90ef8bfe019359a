"""Classification: one vector a sentence (the mean of its words), one label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from polyseme.tasks.families import base

if TYPE_CHECKING:
    from torch import Tensor


class Family(base.Family):
    """A label for the sentence, from the mean of its word vectors."""

    level = "sentence"
    pools = True

    def targets(self, labels: Sequence[Any], index: dict[str, int]) -> list[list[Any]]:
        """One number a sentence."""
        return [[base.number(label, index)] for label in labels]

    def parts(self, h_BTD: Tensor, mask_BT: Tensor, places_BP: Tensor | None) -> Tensor:
        """Mean over the words that are there."""
        return base.mean(h_BTD, mask_BT)[:, None, None]
