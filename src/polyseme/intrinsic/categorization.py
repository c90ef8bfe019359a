"""Concept categorization: do clusters of words agree with their categories (Almuhareb 2006)?

Unit-length vectors are put into as many clusters as there are categories by k-means of scikit-learn
(k-means++ beginnings, drawn from seed 0); purity is the share of words that belong to the category
that is most frequent in their cluster (Manning, Raghavan and Schütze 2008, section 16.3). Under
`skip` unknown words are left out, under `zero` they count as wrong. A word of several categories is
there once for each.

Shapes: L layers, V words, D dimensions, N words of the set.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from polyseme.config import config
from polyseme.intrinsic.base import POLICIES, Material
from polyseme.intrinsic.common import types
from polyseme.intrinsic.common.types import Positive, TypeOptions
from polyseme.models.base import Representation

FAMILIES = ("categorization",)


@config
class Config(TypeOptions):
    """Values of conf/intrinsic/categorization.yaml."""

    starts: Positive = 3
    """Beginnings of k-means, of which the closest clusters are taken."""
    max_steps: Positive = 50
    """Steps of each."""


def measure(
    options: Config, representation: Representation, material: Material
) -> Iterator[dict[str, Any]]:
    """Rows: purity under both policies and coverage, for each layer and variant."""
    words = [word for (word,) in material.test.sentences]
    known_N = np.array([types.knows(representation, word) for word in words])
    _, gold_N = np.unique(material.test.labels, return_inverse=True)
    gold_N, total = gold_N[known_N], len(words)
    for variant in types.variants(options, representation):
        h_LVD = types.type_vectors(options, representation, material, words, variant)
        name = types.label(representation, variant)
        for layer, h_VD in enumerate(h_LVD):
            common = {"layer": str(layer), "split": "test", "variant": name}
            row = {"metric": "coverage", "value": known_N.mean(), "num_items": total}
            yield {**common, **row}
            right = _right(_clusters(options, h_VD.numpy()[known_N], gold_N), gold_N)
            for policy, count in zip(POLICIES, (len(gold_N), total), strict=True):
                value = right / count if count else None
                row = {"strategy": policy, "metric": "purity", "value": value, "num_items": count}
                yield {**common, **row}


def _right(cluster_N: np.ndarray, gold_N: np.ndarray) -> int:
    """Words that belong to the most frequent category of their cluster."""
    table = np.zeros((cluster_N.max(initial=0) + 1, gold_N.max(initial=0) + 1), dtype=int)
    np.add.at(table, (cluster_N, gold_N), 1)
    return int(table.max(1).sum())


def _clusters(options: Config, h_VD: np.ndarray, gold_N: np.ndarray) -> np.ndarray:
    """Cluster of each word, as many as there are categories among them."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    if not len(gold_N):
        return gold_N
    means = KMeans(
        len(np.unique(gold_N)), n_init=options.starts, max_iter=options.max_steps, random_state=0
    )
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct words than categories
        found: np.ndarray = means.fit(h_VD).labels_
    return found
