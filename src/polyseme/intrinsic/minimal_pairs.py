"""Minimal pairs: is the grammatical sentence the better one (Linzen et al. 2016)?

A language model scores a sentence by the probabilities of its words (`Filling.scores`): one that
sees both sides by its pseudo-log-likelihood, each word hidden in turn (Salazar et al. 2020), one
that reads from the left by its log-likelihood. Other representations have no such score; for them
it is how well each word's vector agrees with the mean of the others (cosine), which is all that a
table can say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from polyseme.config import config
from polyseme.intrinsic.base import Material
from polyseme.models.base import TEXT, Representation, Words
from polyseme.models.common.filling import Filling


@config
class Config:
    """conf/intrinsic/minimal_pairs.yaml has no values."""


FAMILIES = ("minimal_pairs",)


def measure(
    options: Config, representation: Representation, material: Material
) -> Iterator[dict[str, Any]]:
    """Rows: accuracy over all pairs, and of each kind; a tie counts as half."""
    items = material.test
    pairs = [_parts(words) for words in items.sentences]
    texts = [text for pair in pairs for text in pair]
    if isinstance(representation, Filling):
        scores = representation.scores(texts)
    else:
        scores = _coherences(representation, texts)
    good_N, bad_N = np.array(scores).reshape(-1, 2).T
    right_N = (good_N > bad_N) + 0.5 * (good_N == bad_N)
    kinds_N = np.array(items.labels)
    for kind in ["", *sorted(set(items.labels))]:
        chosen = right_N if not kind else right_N[kinds_N == kind]
        yield {
            "layer": None,
            "split": "test",
            "metric": f"accuracy_{kind}" if kind else "accuracy",
            "value": float(chosen.mean()),
            "num_items": len(chosen),
        }


def _parts(words: Words) -> tuple[Words, Words]:
    middle = list(words).index(TEXT)
    return words[:middle], words[middle + 1 :]


def _coherences(representation: Representation, texts: Sequence[Words]) -> list[float]:
    found = []
    for h_LTD in representation.encode(texts):
        h_TD = h_LTD[-1]
        others_TD = (h_TD.sum(0) - h_TD) / max(1, len(h_TD) - 1)
        found.append(float(torch.cosine_similarity(h_TD, others_TD, dim=-1).sum()))
    return found
