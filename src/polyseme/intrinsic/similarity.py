"""Word similarity: rank correlation of cosines with human scores (Spearman 1904).

What happens to pairs with an unknown word decides much of the value, so that policies stand side by
side (column `strategy`):

    skip     they are left out
    zero     they score 0
    backoff  the unknown word is replaced by its longest known beginning (common/types.py)
    shared   pairs that any of the compared representations does not know are left out of all; that
             is known to a report only, which makes those rows from what is `kept` here

Shapes: L layers, V words, D dimensions, N pairs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from polyseme.config import config
from polyseme.intrinsic.base import Material
from polyseme.intrinsic.common import types
from polyseme.intrinsic.common.bootstrap import Spearman
from polyseme.intrinsic.common.types import TypeOptions, Variant
from polyseme.models.base import Representation

FAMILIES = ("similarity",)
COSINE = "cosine"


@config
class Config(TypeOptions):
    """Values of conf/intrinsic/similarity.yaml."""

    draws: Annotated[int, Field(gt=0)] = 1000
    """Of the bootstrap that gives intervals."""


def measure(
    options: Config, representation: Representation, material: Material
) -> Iterator[dict[str, Any]]:
    """Rows: spearman under each policy and coverage, for each layer and variant."""
    pairs, gold_N = material.test.sentences, np.array(material.test.labels)
    known_N = _known(representation, pairs)
    correlate = {
        "skip": Spearman(gold_N[known_N], options.draws),
        "zero": Spearman(gold_N, options.draws),
        "backoff": Spearman(gold_N, options.draws),
    }
    for variant in types.variants(options, representation):
        name = types.label(representation, variant)
        if variant == "mean":
            words = _words(pairs)
            share = types.seen(options, representation, material, words)
            row = {"split": "test", "variant": name, "metric": "seen", "num_items": len(words)}
            yield {**row, "layer": None, "value": share}
        scored = _scored(options, representation, material, variant, known_N)
        for layer in range(representation.num_layers):
            common = {"layer": str(layer), "split": "test", "variant": name}
            row = {"metric": "coverage", "value": known_N.mean(), "num_items": len(gold_N)}
            yield {**common, **row}
            found: tuple[Any, Any] | None = None
            for policy, cosine_LN in scored.items():
                if found is None or not known_N.all():
                    found = correlate[policy](cosine_LN[layer])
                value, (low, high) = found
                yield {
                    **common,
                    "strategy": policy,
                    "metric": "spearman",
                    "value": value,
                    "low": low,
                    "high": high,
                    "num_items": cosine_LN.shape[1],
                }


def kept(
    options: Config, representation: Representation, material: Material
) -> Iterator[dict[str, Any]]:
    """The cosine of each pair, and whether both of its words are known."""
    pairs = material.test.sentences
    known_N = _known(representation, pairs)
    for variant in types.variants(options, representation):
        cosine_LN = _cosines(options, representation, material, variant, pairs)
        for layer, cosine_N in enumerate(cosine_LN):
            name = types.label(representation, variant)
            common = {"layer": str(layer), "variant": name, "metric": COSINE}
            for item, (value, known) in enumerate(zip(cosine_N, known_N, strict=True)):
                yield {**common, "item": item, "value": float(value), "known": bool(known)}


def _scored(
    options: Config,
    representation: Representation,
    material: Material,
    variant: Variant,
    known_N: np.ndarray,
) -> dict[str, np.ndarray]:
    """Cosines of the pairs that each policy keeps."""
    pairs = material.test.sentences
    cosine_LN = _cosines(options, representation, material, variant, pairs)
    if known_N.all():
        backed_LN = cosine_LN
    else:
        stood = [[types.stand_in(representation, word) for word in pair] for pair in pairs]
        backed_LN = _cosines(options, representation, material, variant, stood)
    zeroed_LN = np.where(known_N, cosine_LN, 0.0)
    return {"skip": cosine_LN[:, known_N], "zero": zeroed_LN, "backoff": backed_LN}


def _cosines(
    options: Config,
    representation: Representation,
    material: Material,
    variant: Variant,
    pairs: Sequence[Sequence[str]],
) -> np.ndarray:
    words = _words(pairs)
    row_of = {word: row for row, word in enumerate(words)}
    h_LVD = types.type_vectors(options, representation, material, words, variant)
    first, second = ([row_of[pair[side]] for pair in pairs] for side in (0, 1))
    cosine_LN: np.ndarray = (h_LVD[:, first] * h_LVD[:, second]).sum(-1).numpy()
    return cosine_LN


def _words(pairs: Sequence[Sequence[str]]) -> list[str]:
    return sorted({word for pair in pairs for word in pair})


def _known(representation: Representation, pairs: Sequence[Sequence[str]]) -> np.ndarray:
    return np.array([all(types.knows(representation, word) for word in pair) for pair in pairs])
