"""Outlier detection: which word does not belong (Camacho-Collados and Navigli 2016).

A word's place is given by how alike the others are without it, or, which orders words the same, how
little like the others it is. With n words of a kind and an outlier,

    opp       share of the n words that are more like the others than the outlier is; a tie
              counts as half
    accuracy  share of cases where all of them are

Under `skip` unknown words are left out, and with them cases whose outlier is unknown or that have
fewer than two words left; under `zero` such cases count as wrong: a zero vector is like nothing,
so that an unknown outlier would be found for nothing.

Shapes: L layers, V words, D dimensions, N cases, S sets (their cases are drawn together).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field

from polyseme.config import config
from polyseme.intrinsic.base import POLICIES, Material
from polyseme.intrinsic.common import bootstrap, types
from polyseme.intrinsic.common.types import TypeOptions
from polyseme.models.base import Representation

FAMILIES = ("outliers",)
FEWEST_WORDS = 2


@config
class Config(TypeOptions):
    """Values of conf/intrinsic/outliers.yaml."""

    draws: Annotated[int, Field(gt=0)] = 1000
    """Of the bootstrap that gives intervals."""


def measure(
    options: Config, representation: Representation, material: Material
) -> Iterator[dict[str, Any]]:
    """Rows: opp and accuracy under both policies, and coverage, for each layer and variant."""
    words = sorted({word for case in material.test.sentences for word in case})
    row_of = {word: row for row, word in enumerate(words)}
    known = {word for word in words if types.knows(representation, word)}
    cases = [_known_rows(case, known, row_of) for case in material.test.sentences]
    _, set_N = np.unique(material.test.labels, return_inverse=True)
    covered_N = np.array([bool(case) for case in cases])
    for variant in types.variants(options, representation):
        h_LVD = types.type_vectors(options, representation, material, words, variant)
        name = types.label(representation, variant)
        for layer in range(representation.num_layers):
            common = {"layer": str(layer), "split": "test", "variant": name}
            row = {"metric": "coverage", "value": covered_N.mean(), "num_items": len(cases)}
            yield {**common, **row}
            opp_N = _positions(h_LVD[layer], cases)
            for metric, value_N in (("opp", opp_N), ("accuracy", (opp_N == 1).astype(float))):
                for policy, counted_N in zip(
                    POLICIES, (covered_N, np.ones_like(covered_N)), strict=True
                ):
                    found = _mean(value_N, counted_N, set_N, options.draws)
                    yield {**common, "strategy": policy, "metric": metric, **found}


def positions(h_NVD: torch.Tensor) -> np.ndarray:
    """Share of the words of each case that are more like the others than the last one is.

    Args:
        h_NVD: unit-length vectors of the words of each case, and of its outlier, the last.
    """
    cosine_NVV = (h_NVD @ h_NVD.mT).double()
    likeness_NV = cosine_NVV.sum(-1) - cosine_NVV.diagonal(dim1=-2, dim2=-1)
    more_NV = (likeness_NV[:, :-1] - likeness_NV[:, -1:]).numpy()
    found_N: np.ndarray = ((more_NV > 0) + 0.5 * (more_NV == 0)).mean(-1)
    return found_N


def _positions(h_VD: torch.Tensor, cases: Sequence[Sequence[int]]) -> np.ndarray:
    """Of each case, those of the same length together; 0 where it cannot be asked."""
    found_N = np.zeros(len(cases))
    for length in {len(case) for case in cases if case}:
        chosen = [number for number, case in enumerate(cases) if len(case) == length]
        found_N[chosen] = positions(h_VD[torch.tensor([cases[number] for number in chosen])])
    return found_N


def _known_rows(case: Sequence[str], known: set[str], row_of: dict[str, int]) -> list[int]:
    """Rows of known words of a case, its outlier last; none where it cannot be asked."""
    alike = [row_of[word] for word in case[:-1] if word in known]
    askable = case[-1] in known and len(alike) >= FEWEST_WORDS
    return [*alike, row_of[case[-1]]] if askable else []


def _mean(
    value_N: np.ndarray, counted_N: np.ndarray, set_N: np.ndarray, draws: int
) -> dict[str, Any]:
    """Mean over the cases that count, and its interval over sets."""
    count = int(counted_N.sum())
    if not count:
        return {"value": None, "num_items": 0}
    tops_S = np.bincount(set_N, value_N * counted_N)
    bottoms_S = np.bincount(set_N, counted_N)
    low, high = bootstrap.of_ratio(tops_S, bottoms_S, draws)
    return {"value": tops_S.sum() / count, "low": low, "high": high, "num_items": count}
