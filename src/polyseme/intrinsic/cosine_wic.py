"""Word in context without training: is the cosine of the two words above a threshold?

The cosine baseline of Pilehvar & Camacho-Collados (2019): two occurrences have the same sense
if the cosine of their vectors is at least t, where t is the most accurate threshold on the training
pairs, of each layer by itself. Candidates lie half-way between neighbouring cosines of training,
below all (-1: all the same) and above all (2: none); of equally accurate ones the lowest is taken.
Cosines are rounded to six decimals, as vectors have single precision. Pairs with other labels than
`same` and `different` are not measured.

Shapes: L layers, N pairs, C candidates, D dimensions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from polyseme.config import config
from polyseme.errors import DataError
from polyseme.intrinsic.base import Material
from polyseme.intrinsic.common.tokens import unit, vectors_at
from polyseme.models.base import Representation
from polyseme.tasks.base import Split

FAMILIES = ("pair",)
SAME, DIFFERENT = "same", "different"
ALWAYS, NEVER = -1.0, 2.0
DECIMALS = 6


@config
class Config:
    """conf/intrinsic/cosine_wic.yaml has no values."""


def measure(
    options: Config, representation: Representation, material: Material
) -> Iterator[dict[str, Any]]:
    """Rows: accuracy on test and the threshold, fitted on train, for each layer.

    Raises:
        DataError: a split lacks the places of the two words.
    """
    train, test = material.split("train"), material.test
    if not {*train.labels, *test.labels} <= {SAME, DIFFERENT}:
        return
    fitted_LN = _cosines(representation, train, f"task {material.name}, split 'train'")
    asked_LN = _cosines(representation, test, f"task {material.name}, split 'test'")
    same_N, gold_N = (np.array([name == SAME for name in s.labels]) for s in (train, test))
    for layer, (fitted_N, asked_N) in enumerate(zip(fitted_LN, asked_LN, strict=True)):
        limit = threshold(fitted_N, same_N)
        accuracy = float(((asked_N >= limit) == gold_N).mean())
        for metric, split, value, count in (
            ("accuracy", "test", accuracy, len(gold_N)),
            ("threshold", "train", limit, len(same_N)),
        ):
            yield {
                "layer": str(layer),
                "split": split,
                "metric": metric,
                "value": value,
                "num_items": count,
            }


def threshold(cosine_N: np.ndarray, same_N: np.ndarray) -> float:
    """The lowest of the most accurate thresholds; at or above it, a pair is the same.

    Args:
        cosine_N: of each pair, in -1..1.
        same_N: whether it is the same.
    """
    values, place_N = np.unique(cosine_N, return_inverse=True)
    candidates_C = np.concatenate([[ALWAYS], (values[1:] + values[:-1]) / 2, [NEVER]])
    gains = np.bincount(place_N, weights=np.where(same_N, -1, 1))
    right_C = same_N.sum() + np.concatenate([[0], np.cumsum(gains)])
    return float(candidates_C[right_C.argmax()])


def _cosines(representation: Representation, pairs: Split, where: str) -> np.ndarray:
    """Cosines of the two words of each pair, LN; 0 where one has the zero vector."""
    if pairs.places is None:
        raise DataError("has no marked words", where=where, mend="give `places`: two of each item")
    tokens = [
        (n, place) for side in (0, 1) for n, place in enumerate(p[side] for p in pairs.places)
    ]
    h_LND = vectors_at(representation, pairs.sentences, tokens).numpy()
    cosines = []
    for h_ND in h_LND:
        first_ND, second_ND = np.split(unit(h_ND), 2)
        cosines.append(np.clip((first_ND * second_ND).sum(-1).round(DECIMALS), -1, 1))
    return np.array(cosines)
