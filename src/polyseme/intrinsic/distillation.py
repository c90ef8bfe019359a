"""Static tables from contextual representations, measured on word similarity.

The vector of a word type is made of its occurrences in the corpus's training split: their mean
(`mean`; Bommasani et al. 2020) or the first principal component of the matrix of occurrences
(`first_component`; Ethayarajh 2019), which is not centred: its first right singular vector, with
the sign that agrees with the mean. Case is ignored in looking for a word. One
that does not occur, or that the representation does not know, has the zero vector.

Shapes: L layers, V words, N occurrences, P pairs, D dimensions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from scipy.stats import spearmanr

from polyseme.config import config
from polyseme.data.split import Split as SplitName
from polyseme.intrinsic.base import Material
from polyseme.intrinsic.common.tokens import Token, unit, vectors_at
from polyseme.models.base import Representation, Words
from polyseme.training.options import Positive

FAMILIES = ("similarity",)
SPLIT: SplitName = "train"
MAX_NUMBERS = 2**26
"""Numbers of vectors of occurrences that are in memory at once, if one word has no more."""

Variant = Literal["mean", "first_component"]


@config
class Config:
    """Values of conf/intrinsic/distillation.yaml."""

    max_occurrences: Positive = 20
    """Most occurrences of a word: the first ones."""
    max_sentences: Positive = 20_000
    """Most sentences of the corpus that are searched: the first ones."""


def measure(
    options: Config, representation: Representation, material: Material
) -> Iterator[dict[str, Any]]:
    """Rows: spearman under both policies, of each variant and layer, and coverage.

    Nothing for static representations, whose table stands already.
    """
    if representation.family != "contextual":
        return
    pairs, gold_P = material.test.sentences, np.array(material.test.labels)
    words = sorted({word for pair in pairs for word in pair})
    tables, known = distilled(options, representation, material, words)
    known_P = np.array([known.issuperset(pair) for pair in pairs])
    first, second = ([words.index(pair[side]) for pair in pairs] for side in (0, 1))
    for variant, h_LVD in tables.items():
        for layer, h_VD in enumerate(map(unit, h_LVD)):
            cosine_P = (h_VD[first] * h_VD[second]).sum(-1)
            common = {"variant": f"distilled_{variant}", "layer": str(layer), "split": "test"}
            for policy, chosen in (("skip", known_P), ("zero", np.ones_like(known_P))):
                yield {
                    **common,
                    "strategy": policy,
                    "metric": "spearman",
                    "value": spearman(cosine_P[chosen], gold_P[chosen]),
                    "num_items": int(chosen.sum()),
                }
            coverage = float(known_P.mean())
            yield {**common, "metric": "coverage", "value": coverage, "num_items": len(known_P)}


def table(
    representation: Representation,
    material: Material,
    words: Sequence[str],
    *,
    variant: Variant,
    layer: int,
    options: Config,
) -> np.ndarray:
    """Static table of one layer, float32, VD: a row a word, zero where the corpus lacks it."""
    tables, _ = distilled(options, representation, material, words)
    return tables[variant][layer]


def distilled(
    options: Config, representation: Representation, material: Material, words: Sequence[str]
) -> tuple[dict[Variant, np.ndarray], set[str]]:
    """Tables h_LVD of both variants, and the words that have a vector."""
    texts, tokens = occurrences(options, representation, material, words)
    shape = representation.num_layers, len(words), representation.dim
    tables: dict[Variant, np.ndarray] = {
        "mean": np.zeros(shape, dtype=np.float32),
        "first_component": np.zeros(shape, dtype=np.float32),
    }
    for group in _groups(tokens, MAX_NUMBERS // (shape[0] * shape[2])):
        chosen = [token for row in group for token in tokens[row]]
        h_LND = vectors_at(representation, texts, chosen).numpy()
        end = 0
        for row in group:
            start, end = end, end + len(tokens[row])
            h_LnD = h_LND[:, start:end].astype(np.float64)
            tables["mean"][:, row] = h_LnD.mean(1)
            tables["first_component"][:, row] = first_component(h_LnD)
    return tables, {words[row] for row in tokens}


def occurrences(
    options: Config, representation: Representation, material: Material, words: Sequence[str]
) -> tuple[list[Words], dict[int, list[Token]]]:
    """Sentences that have one of the words, and the places of each word, by its number."""
    rows: dict[str, list[int]] = {}
    for row, word in enumerate(words):
        if representation.knows(word):
            rows.setdefault(word.lower(), []).append(row)
    found: dict[str, list[Token]] = {}
    texts: list[Words] = []
    for sentence in material.sentences(SPLIT, options.max_sentences):
        wanted = [
            (place, form)
            for place, form in enumerate(map(str.lower, sentence))
            if form in rows and len(found.get(form, ())) < options.max_occurrences
        ]
        for place, form in wanted:
            found.setdefault(form, []).append((len(texts), place))
        if wanted:
            texts.append(sentence)
    return texts, {row: found[form] for form in found for row in rows[form]}


def first_component(h_LND: np.ndarray) -> np.ndarray:
    """First right singular vector of each layer's N x D matrix, LD; on the side of the mean."""
    _, vectors_LNN = np.linalg.eigh(h_LND @ h_LND.swapaxes(1, 2))
    direction_LD = np.einsum("ln,lnd->ld", vectors_LNN[..., -1], h_LND)
    side_L1 = np.where((direction_LD * h_LND.mean(1)).sum(-1, keepdims=True) < 0, -1, 1)
    return unit(direction_LD * side_L1)


def _groups(tokens: Mapping[int, Sequence[Token]], most: int) -> Iterator[list[int]]:
    """Words in order, together as many as have at most so many occurrences; one at least."""
    group: list[int] = []
    size = 0
    for row in tokens:
        if group and size + len(tokens[row]) > most:
            yield group
            group, size = [], 0
        group.append(row)
        size += len(tokens[row])
    if group:
        yield group


def spearman(found_P: np.ndarray, gold_P: np.ndarray) -> float | None:
    """Rank correlation; None where fewer than two pairs, or no variation, leave it undefined."""
    if len(found_P) < 2 or np.ptp(found_P) == 0 or np.ptp(gold_P) == 0:  # noqa: PLR2004
        return None
    return float(spearmanr(found_P, gold_P).statistic)
