"""Tagging: one vector a word, one label a word (None: not scored)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from polyseme.tasks.families import base

if TYPE_CHECKING:
    from torch import Tensor


class Family(base.Family):
    """A label for every word."""

    main_metric = "macro_f1"
    level = "word"

    def targets(self, labels: Sequence[Any], index: dict[str, int]) -> list[list[Any]]:
        """One number a word."""
        return [[base.number(tag, index) for tag in tags] for tags in labels]

    def parts(self, h_BTD: Tensor, mask_BT: Tensor, places_BP: Tensor | None) -> Tensor:
        """The words themselves."""
        return h_BTD[:, :, None]
