"""Word senses without training: the sense of the nearest training occurrence, or centroid.

A marked word gets the sense of the training occurrence of the same key (lemma) whose vector has the
largest cosine with its own (`1nn`; Melamud et al. 2016, Peters et al. 2018), or the sense whose
training vectors have the nearest mean (`centroid`; Loureiro & Jorge 2019). Of equally near
occurrences the majority decides, then the more frequent sense: so one vector a type gives the most
frequent sense of the written form. `most_frequent` looks at no vector.

A word without an answer is wrong under `accuracy`: its key is not in training, or it, or all of
training, has no vector. `accuracy_with_backoff` gives such a word the most frequent sense of its
key in training, where there is one: no list of first senses is used, so a key that training lacks
stays wrong. Tagging tasks that label one word an item are measured as well (common/marked.py);
others give no rows.

Shapes: L layers, N words asked about, M training occurrences, S senses, D dimensions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from polyseme.config import config
from polyseme.draws import philox
from polyseme.intrinsic.base import Material
from polyseme.intrinsic.common.marked import Word, marked
from polyseme.intrinsic.common.tokens import TIE, unit, vectors_at
from polyseme.models.base import Representation
from polyseme.tasks.base import Split
from polyseme.tasks.families.word_sense import ALTERNATIVE
from polyseme.training.options import Positive

FAMILIES = ("word_sense", "tagging")
STREAM = 51
BLOCK = 256
"""Words whose cosines are in memory at once."""
NONE = -1


@config
class Config:
    """Values of conf/intrinsic/nearest_sense.yaml."""

    max_items: Positive = 10_000
    """Most training occurrences that are compared, drawn so that each key keeps some as long as it
    can; their vectors are in memory, L x D numbers each."""


Answers = dict[tuple[str, str | None], list[str | None]]
"""Variant and layer -> answer to each word; None: no answer."""


class Found(NamedTuple):
    """Words of the test split, answers, and the most frequent sense of each key in training."""

    words: list[Word]
    answers: Answers
    most_frequent: dict[str, str]


def measure(
    options: Config, representation: Representation, material: Material
) -> Iterator[dict[str, Any]]:
    """Rows: accuracy, accuracy with backoff and answered, of each variant and layer.

    Raises:
        DataError: a split lacks marked words or their keys.
    """
    words, answers, most_frequent = _found(options, representation, material)
    for (variant, layer), given in answers.items():
        backed = [
            most_frequent.get(word.key) if answer is None else answer
            for word, answer in zip(words, given, strict=True)
        ]
        values = {
            "accuracy": np.mean(_right(words, given)),
            "accuracy_with_backoff": np.mean(_right(words, backed)),
            "answered": np.mean([answer is not None for answer in given]),
        }
        for metric, value in values.items():
            yield {
                "variant": variant,
                "layer": layer,
                "split": "test",
                "metric": metric,
                "value": float(value),
                "num_items": len(words),
            }


def kept(
    options: Config, representation: Representation, material: Material
) -> Iterator[dict[str, Any]]:
    """Whether each word of the test split is right (1 or 0), without backoff."""
    words, answers, _ = _found(options, representation, material)
    for (variant, layer), given in answers.items():
        for item, right in enumerate(_right(words, given)):
            yield {
                "item": item,
                "layer": layer,
                "variant": variant,
                "metric": "accuracy",
                "value": float(right),
                "known": given[item] is not None,
            }


def _right(words: Sequence[Word], answers: Sequence[str | None]) -> list[bool]:
    """Several senses may be right."""
    return [
        answer is not None
        and not set(answer.split(ALTERNATIVE)).isdisjoint(word.label.split(ALTERNATIVE))
        for word, answer in zip(words, answers, strict=True)
    ]


@lru_cache(maxsize=1)
def _found(options: Config, representation: Representation, material: Material) -> Found:
    """Answers to the test split.

    The last ones are remembered, for rows and items are made one after the other; the weights of
    the representation must not change meanwhile.
    """
    asked, trained = marked(material, "test"), marked(material, "train")
    if not asked or not trained:
        return Found([], {}, {})
    counts = Counter((word.key, word.label) for word in trained)
    senses: dict[str, list[str]] = {}
    for key, label in sorted(counts, key=lambda pair: (-counts[pair], pair)):
        senses.setdefault(key, []).append(label)
    most_frequent = {key: labels[0] for key, labels in senses.items()}
    chosen = _drawn(trained, {word.key for word in asked}, options.max_items)
    h_LND = _vectors(representation, material.split("test"), asked)
    h_LMD = _vectors(representation, material.split("train"), chosen)
    answers = _neighbours(asked, h_LND, chosen, h_LMD, senses)
    answers["most_frequent", None] = [most_frequent.get(word.key) for word in asked]
    return Found(asked, answers, most_frequent)


def _vectors(representation: Representation, split: Split, words: Sequence[Word]) -> np.ndarray:
    tokens = [(word.item, word.place) for word in words]
    return vectors_at(representation, split.sentences, tokens).numpy()


def _neighbours(
    asked: Sequence[Word],
    h_LND: np.ndarray,
    trained: Sequence[Word],
    h_LMD: np.ndarray,
    senses: dict[str, list[str]],
) -> Answers:
    """Answers of both variants in each layer; each key by itself."""
    layers = range(len(h_LND))
    answers: Answers = {
        (variant, str(layer)): [None] * len(asked)
        for variant in ("1nn", "centroid")
        for layer in layers
    }
    rows, columns = _by_key(asked), _by_key(trained)
    for key in rows.keys() & columns.keys():
        of = {label: number for number, label in enumerate(senses[key])}
        sense_M = np.array([of[trained[m].label] for m in columns[key]])
        unit_LMD, sums_LSD = _summed(h_LMD[:, columns[key]], sense_M, len(of))
        for start in range(0, len(rows[key]), BLOCK):
            block = rows[key][start : start + BLOCK]
            unit_LnD = unit(h_LND[:, block])
            found = {
                "1nn": nearest(unit_LnD, unit_LMD, np.eye(len(of))[sense_M]),
                "centroid": nearest(unit_LnD, unit(sums_LSD), np.eye(len(of))),
            }
            for variant, sense_Ln in found.items():
                for layer in layers:
                    for n, sense in zip(block, sense_Ln[layer].tolist(), strict=True):
                        if sense != NONE:
                            answers[variant, str(layer)][n] = senses[key][sense]
    return answers


def _summed(
    h_LMD: np.ndarray, sense_M: np.ndarray, num_senses: int
) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors, and sums of the vectors of each sense, which point where their means do."""
    one_hot_SM = np.eye(num_senses)[sense_M].T
    return unit(h_LMD), one_hot_SM @ h_LMD.astype(np.float64)


def nearest(unit_LND: np.ndarray, unit_LMD: np.ndarray, votes_MS: np.ndarray) -> np.ndarray:
    """Sense of the nearest of M vectors, for N words in each layer.

    Args:
        unit_LND: unit vectors of the words.
        unit_LMD: unit vectors of occurrences or centroids; zero ones are no neighbours.
        votes_MS: 1 at the sense of each; equally near ones vote, and of equal votes the first
            sense wins.

    Returns:
        Numbers of senses, LN; NONE for a zero vector, or where there is no neighbour.
    """
    cosine_LNM = unit_LND @ unit_LMD.swapaxes(1, 2)
    cosine_LNM = np.where(np.any(unit_LMD, axis=-1)[:, None], cosine_LNM, -np.inf)
    best_LN1 = cosine_LNM.max(-1, keepdims=True)
    sense_LN = ((cosine_LNM >= best_LN1 - TIE) @ votes_MS).argmax(-1)
    unanswered_LN = ~np.any(unit_LND, axis=-1) | np.isneginf(best_LN1[..., 0])
    return np.where(unanswered_LN, NONE, sense_LN)


def _by_key(words: Iterable[Word]) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = {}
    for row, word in enumerate(words):
        rows.setdefault(word.key, []).append(row)
    return rows


def _drawn(trained: Sequence[Word], keys: set[str], most: int) -> list[Word]:
    """At most so many occurrences of the keys, in order; the n-th of each key before any n+1-th."""
    candidates = [word for word in trained if word.key in keys]
    if len(candidates) <= most:
        return candidates
    seen: Counter[str] = Counter()
    ranks: dict[int, int] = {}
    for n in philox(0, STREAM).permutation(len(candidates)).tolist():
        ranks[n] = seen[candidates[n].key]
        seen[candidates[n].key] += 1
    return [candidates[n] for n in sorted(sorted(ranks, key=ranks.__getitem__)[:most])]
