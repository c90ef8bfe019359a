"""Vectors of words in context; each text is encoded once, for all layers.

Shapes: L layers, N words in context, T words of a text, D dimensions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from polyseme.models.base import Representation, Words

CHUNK = 512
"""Texts whose vectors are in memory at once."""
TIE = 1e-6
"""Cosines that differ by less are equal: vectors have single precision."""

Token = tuple[int, int]
"""Number of a text, and place of a word in it."""


def encoded(representation: Representation, texts: Sequence[Words]) -> Iterator[Tensor]:
    """h_LTD of each text, in order."""
    for start in range(0, len(texts), CHUNK):
        yield from representation.encode(texts[start : start + CHUNK])


def vectors_at(
    representation: Representation, texts: Sequence[Words], tokens: Sequence[Token]
) -> Tensor:
    """Vectors h_LND of chosen words; texts without one are not encoded."""
    rows: dict[int, list[int]] = {}
    for row, (text, _) in enumerate(tokens):
        rows.setdefault(text, []).append(row)
    h_LND = torch.zeros(representation.num_layers, len(tokens), representation.dim)
    found = encoded(representation, [texts[text] for text in rows])
    for chosen, h_LTD in zip(rows.values(), found, strict=True):
        h_LND[:, chosen] = h_LTD[:, [tokens[row][1] for row in chosen]]
    return h_LND


def unit(h_XD: np.ndarray) -> np.ndarray:
    """Vectors of length 1, in double precision; the zero vector stays zero."""
    wide_XD = h_XD.astype(np.float64)
    norm_X1 = np.linalg.norm(wide_XD, axis=-1, keepdims=True)
    return np.divide(wide_XD, norm_X1, out=np.zeros_like(wide_XD), where=norm_X1 > 0)
