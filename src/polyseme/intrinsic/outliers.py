"""Outlier detection: which word does not belong (Camacho-Collados and Navigli 2016).

A word's place is given by how alike the others are without it, or, which orders words the same, how
little like the others it is. With n words of a kind and an outlier,

    opp       share of the n words that are more like the others than the outlier is; a tie
              counts as half
    accuracy  share of cases where all of them are

Under `skip` unknown words are left out, and with them cases whose outlier is unknown or that have
fewer than two words left; under `zero` such cases count as wrong: a zero vector is like nothing,
so that an unknown outlier would be found for nothing.

Shapes: L layers, V words, D dimensions, S sets (their cases are drawn together for intervals).
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
            opp_N = np.array([position(h_LVD[layer, case]) if case else 0.0 for case in cases])
            for metric, value_N in (("opp", opp_N), ("accuracy", (opp_N == 1).astype(float))):
                for policy, counted_N in zip(
                    POLICIES, (covered_N, np.ones_like(covered_N)), strict=True
                ):
                    found = _mean(value_N, counted_N, set_N, options.draws)
                    yield {**common, "strategy": policy, "metric": metric, **found}


def position(h_VD: torch.Tensor) -> float:
    """Share of words that are more like the others than the last one is.

    Args:
        h_VD: unit-length vectors of n words and of the outlier, the last.
    """
    cosine_VV = (h_VD @ h_VD.T).double().fill_diagonal_(0.0)
    likeness_V = cosine_VV.sum(1)
    more_V = likeness_V[:-1] - likeness_V[-1]
    return float(((more_V > 0) + 0.5 * (more_V == 0)).mean())


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
