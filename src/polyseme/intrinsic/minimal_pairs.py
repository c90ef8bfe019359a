"""Minimal pairs: is the grammatical sentence the better one (Linzen et al. 2016)?

A language model scores a sentence by the probabilities of its words (`Filling.scores`): one that
sees both sides by its pseudo-log-likelihood, each word hidden in turn (Salazar et al. 2020; within
a word from left to right, Kauf & Ivanova 2023), one that reads from the left by its log-likelihood,
one of two directions by the mean of both. Other representations have no such score; for them it is
how well each word's vector agrees with the mean of the others (cosine), which is all that a table
can say.

A tie counts as half. Labels of an item are the parts that it belongs to, such as a paradigm.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from polyseme.config import config
from polyseme.intrinsic.base import Material
from polyseme.models.base import TEXT, Representation, Words
from polyseme.models.common.filling import LEFT_TO_RIGHT, WHOLE_WORD, Filling, MaskedFilling
from polyseme.tasks.base import Split


@config
class Config:
    """Values of conf/intrinsic/minimal_pairs.yaml."""

    whole_word: bool = False
    """Score as well with all pieces of a word hidden at once (variant `pll_whole_word`), for
    comparison with figures made so; it takes as long again."""


FAMILIES = ("minimal_pairs",)
BLOCK_TEXTS = 4096
"""Texts whose vectors are in memory at once."""


def measure(
    options: Config, representation: Representation, material: Material
) -> Iterator[dict[str, Any]]:
    """Rows: accuracy over all pairs, and of each part."""
    for variant, right_N in _right(options, representation, material).items():
        for part, chosen in _parts(material.test):
            yield {
                "part": part,
                "variant": variant,
                "layer": None,
                "split": "test",
                "metric": "accuracy",
                "value": float(right_N[chosen].mean()),
                "num_items": len(chosen),
            }


def kept(
    options: Config, representation: Representation, material: Material
) -> Iterator[dict[str, Any]]:
    """Of each pair: 1 where the better sentence scores higher, 0 where lower, 0.5 in a tie."""
    labels = material.test.labels
    for variant, right_N in _right(options, representation, material).items():
        for item, right in enumerate(right_N.tolist()):
            yield {
                "item": item,
                "part": _names(labels[item])[0],
                "layer": None,
                "variant": variant,
                "metric": "accuracy",
                "value": right,
                "known": True,
            }


@lru_cache(maxsize=1)
def _right(
    options: Config, representation: Representation, material: Material
) -> dict[str | None, np.ndarray]:
    """Results of all pairs for each way of scoring; `measure` and `kept` share them."""
    texts = [text for words in material.test.sentences for text in _both(words)]
    found = {}
    for variant, scores in _scores(options, representation, texts):
        good_N, bad_N = np.array(scores).reshape(-1, 2).T
        found[variant] = (good_N > bad_N) + 0.5 * (good_N == bad_N)
    return found


def _scores(
    options: Config, representation: Representation, texts: Sequence[Words]
) -> Iterator[tuple[str | None, list[float]]]:
    """Name and scores of each way; None where there is one way."""
    if not isinstance(representation, Filling):
        yield None, _coherences(representation, texts)
    elif isinstance(representation, MaskedFilling) and representation.adds_up_pieces:
        yield LEFT_TO_RIGHT, representation.scores(texts)
        if options.whole_word:
            yield WHOLE_WORD, representation.whole_word_scores(texts)
    else:
        yield None, representation.scores(texts)


def _parts(items: Split) -> Iterator[tuple[str | None, list[int]]]:
    """All items, then each part and its items."""
    found: dict[str, list[int]] = {}
    for item, label in enumerate(items.labels):
        for name in _names(label):
            found.setdefault(name, []).append(item)
    yield None, list(range(len(items)))
    yield from sorted(found.items())


def _names(label: str | list[str]) -> list[str]:
    return [label] if isinstance(label, str) else label


def _both(words: Words) -> tuple[Words, Words]:
    middle = list(words).index(TEXT)
    return words[:middle], words[middle + 1 :]


def _coherences(representation: Representation, texts: Sequence[Words]) -> list[float]:
    found = []
    for start in range(0, len(texts), BLOCK_TEXTS):
        for h_LTD in representation.encode(texts[start : start + BLOCK_TEXTS]):
            h_TD = h_LTD[-1]
            others_TD = (h_TD.sum(0) - h_TD) / max(1, len(h_TD) - 1)
            found.append(float(torch.cosine_similarity(h_TD, others_TD, dim=-1).mean()))
    return found
