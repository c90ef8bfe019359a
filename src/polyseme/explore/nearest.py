"""What is nearest to a word: words of a vocabulary, or occurrences in a sample of the corpus.

Shapes: L layers, N occurrences, V word types, D dimensions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import normalize

from polyseme.explore.index import Index
from polyseme.models.base import Representation
from polyseme.models.common.table import Table

TOP = 8
NUM_AXES = 2
Scored = tuple[str, float]
"""A word and its cosine."""


class InContext(NamedTuple):
    """Nearest occurrences in one layer, with cosines.

    Attributes:
        same: numbers of occurrences of the same word type.
        others: of other word types, the nearest one of each.
    """

    same: list[tuple[int, float]]
    others: list[tuple[int, float]]


class Plane(NamedTuple):
    """Occurrences of one word in one layer, and the word that is looked at.

    Attributes:
        points: first two principal components of each occurrence.
        at: the word in the same plane.
        explained: share of the variance that the plane holds.
    """

    points: list[tuple[float, float]]
    at: tuple[float, float]
    explained: float


class Vocabulary:
    """Word types of a static representation.

    Args:
        words: those that it knows; a table knows its own.
    """

    def __init__(self, representation: Representation, words: Sequence[str]) -> None:
        if isinstance(representation, Table):
            self.words = representation.words
            vectors_VD = representation.table.weight.detach()[: len(self.words)]
        else:
            self.words = [word for word in words if representation.knows(word)]
            vectors_VD = representation.encode([self.words])[0][0]
        self.unit_VD = normalize(vectors_VD, dim=-1)

    def nearest(self, h_D: Tensor, own: str, top: int = TOP) -> list[Scored]:
        """Words with the largest cosines, other than the word itself; none of a zero vector."""
        if not h_D.any():
            return []
        cosine_V = self.unit_VD @ normalize(h_D, dim=0)
        best = cosine_V.topk(min(top + 1, len(self.words)))
        found = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        return [(self.words[v], c) for v, c in found if self.words[v] != own][:top]


def in_context(index: Index, h_LD: Tensor, own: str, top: int = TOP) -> Iterator[InContext]:
    """Nearest occurrences of each layer to a word in its sentence."""
    same_N = index.type_of_N == index.row_of_word.get(own, -1)
    for cosine_N in index.cosines(h_LD):
        order = cosine_N.argsort(descending=True, stable=True)
        same = order[same_N[order]][:top].tolist()
        others = _one_of_each(index, order[~same_N[order]].tolist(), top)
        values = cosine_N.tolist()
        yield InContext([(n, values[n]) for n in same], [(n, values[n]) for n in others])


def _one_of_each(index: Index, order: Iterable[int], top: int) -> list[int]:
    """The first occurrence of each word type."""
    first: dict[str, int] = {}
    for n in order:
        if len(first) == top:
            break
        first.setdefault(index.sample.occurrences[n].word, n)
    return list(first.values())


def of_type(
    index: Index, own: str, alone_LD: Tensor, layer: int, top: int = TOP
) -> tuple[list[Scored], int]:
    """Word types whose mean directions are nearest to that of a word.

    Args:
        alone_LD: vectors of the word as a sentence of its own, for one that the sample lacks.

    Returns:
        The words with cosines, and how many occurrences the word's own mean is over.
    """
    row = index.row_of_word.get(own)
    unit_D = index.centred(alone_LD[:, None])[layer, 0]
    if row is not None:
        unit_D = index.types_LVD[layer, row]
    cosine_V = index.types_LVD[layer] @ unit_D
    order = [v for v in cosine_V.argsort(descending=True, stable=True).tolist() if v != row]
    found = [(index.words[v], float(cosine_V[v])) for v in order[:top]]
    return found, len(index.sample.of(own))


def plane(unit_ND: Tensor, unit_D: Tensor) -> Plane:
    """Occurrences of a word in the plane of their first two principal components.

    Args:
        unit_ND: their vectors.
        unit_D: the word that is looked at; it has no say in the plane.
    """
    mean_D = unit_ND.mean(0)
    centred_ND = (unit_ND - mean_D).double()
    _, sizes, axes_KD = torch.linalg.svd(centred_ND, full_matrices=False)
    axes_KD = axes_KD[:NUM_AXES]
    strongest = axes_KD.abs().argmax(-1, keepdim=True)
    axes_KD = axes_KD * axes_KD.gather(-1, strongest).sign()  # svd leaves signs open
    points_N2 = _two(centred_ND @ axes_KD.T)
    at_2 = _two((unit_D - mean_D).double() @ axes_KD.T)
    squares = sizes.square()
    total = float(squares.sum())
    explained = float(squares[:NUM_AXES].sum()) / total if total > 1e-9 else 1.0  # noqa: PLR2004
    return Plane(_pairs(points_N2), _pairs(at_2[None])[0], round(explained, 3))


def _two(points_NK: Tensor) -> Tensor:
    """Two coordinates, also where there was one occurrence only."""
    return torch.nn.functional.pad(points_NK, (0, NUM_AXES - points_NK.shape[-1]))


def _pairs(points_N2: Tensor) -> list[tuple[float, float]]:
    return [(round(x, 4) + 0.0, round(y, 4) + 0.0) for x, y in points_N2.tolist()]
