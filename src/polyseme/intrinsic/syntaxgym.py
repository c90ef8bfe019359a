"""SyntaxGym: does a sentence surprise where its grammar says so (Hu et al. 2020)?

The surprisal of a region is the sum of those of its words (`Filling.surprisals`): from a model that
reads from the left as in the paper, from one that sees both sides the terms of the
pseudo-log-likelihood, from one of two directions the mean of both. A model that tells replaced
tokens from real ones is asked by the part of it that guesses tokens. A table has no surprisals and
is not measured.

Of an item counts the share of the suite's predictions that hold; most suites have one.
Over all suites, the accuracy is the mean of those of the suites (their `SG score`).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from polyseme.config import config
from polyseme.intrinsic.base import Material
from polyseme.models.base import Representation
from polyseme.models.common.filling import Filling
from polyseme.tasks.common import formula


@config
class Config:
    """conf/intrinsic/syntaxgym.yaml has no values."""


FAMILIES = ("syntaxgym",)


class Outcome(NamedTuple):
    """Whether predictions hold of one item.

    Attributes:
        suite: name.
        holds: share of the suite's predictions that do.
    """

    suite: str
    holds: float


def measure(
    options: Config, representation: Representation, material: Material
) -> Iterator[dict[str, Any]]:
    """Rows: accuracy of each suite, and their mean."""
    found: dict[str, list[float]] = {}
    for suite, holds in _outcomes(representation, material):
        found.setdefault(suite, []).append(holds)
    if not found:
        return
    means = {suite: float(np.mean(values)) for suite, values in found.items()}
    common = {"layer": None, "split": "test", "metric": "accuracy"}
    count = sum(map(len, found.values()))
    yield {**common, "part": None, "value": float(np.mean([*means.values()])), "num_items": count}
    for suite, mean in means.items():
        yield {**common, "part": suite, "value": mean, "num_items": len(found[suite])}


def kept(
    options: Config, representation: Representation, material: Material
) -> Iterator[dict[str, Any]]:
    """Of each item of each suite: the share of predictions that hold."""
    for item, (suite, holds) in enumerate(_outcomes(representation, material)):
        yield {
            "item": item,
            "part": suite,
            "layer": None,
            "variant": None,
            "metric": "accuracy",
            "value": holds,
            "known": True,
        }


@lru_cache(maxsize=1)
def _outcomes(representation: Representation, material: Material) -> list[Outcome]:
    """Of all items in order; `measure` and `kept` share them."""
    items = material.test
    if not isinstance(representation, Filling) or items.places is None or items.keys is None:
        return []
    words = representation.word_surprisals(items.sentences)
    sums: dict[tuple[str, str], dict[str, list[float]]] = {}
    for (suite, item, condition), begins, bits in zip(items.keys, items.places, words, strict=True):
        ends = [*begins[1:], len(bits)]
        regions = [sum(bits[a:b]) for a, b in zip(begins, ends, strict=True)]
        sums.setdefault((suite, item), {})[condition] = regions
    formulas = {
        suite: [formula.read(text, where=f"suite {suite}") for text in texts]
        for suite, texts in material.card["formulas"].items()
    }
    return [
        Outcome(suite, float(np.mean([f.holds(_Regions(found)) for f in formulas[suite]])))
        for (suite, _), found in sums.items()
    ]


class _Regions:
    """Surprisals of the regions of one item, by condition."""

    def __init__(self, found: dict[str, list[float]]) -> None:
        self._found = found

    def __call__(self, region: int | None, condition: str) -> float:
        regions = self._found[condition]
        return sum(regions) if region is None else regions[region - 1]
