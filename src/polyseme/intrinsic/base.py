"""Intrinsic measures: nothing is trained; a module is named as the task family that it measures.

A module has `measure(representation, items, vocabulary) -> rows`; one with `details(...)`, of the
same arguments, leaves a JSON file beside the rows. Of measures of word types the following holds:
words are encoded alone, without a context, in every layer. What happens to pairs with an unknown
word is told by the row's `strategy`: `skip` leaves them out, `zero` lets them score 0 (or count as
wrong).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from polyseme.models.base import Representation

POLICIES = ("skip", "zero")


def word_vectors(representation: Representation, words: Sequence[str]) -> Tensor:
    """Unit-length vectors of words without context, h_LVD; the zero vector stays zero."""
    encoded = representation.encode([[word] for word in words])
    h_LVD = torch.cat(encoded, dim=1)
    return torch.nn.functional.normalize(h_LVD, dim=-1)
