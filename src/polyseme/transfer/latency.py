"""How long one sentence takes: what somebody waits for who asks a representation.

Every sentence is encoded by itself, words to vectors, with the threads of the run. The time of a
head on top is not in it; beside a representation it is small.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from polyseme.models.base import Representation, Words

ROUNDS, SECONDS = 3, 1.0


def measure(
    representation: Representation, sentences: Sequence[Words], *, seconds: float = SECONDS
) -> dict[str, float]:
    """Milliseconds a sentence: median and 95th percentile, over sentences and rounds.

    The first round warms up and does not count; then there are ROUNDS, and more until the time is
    over.

    Args:
        sentences: at least one, none of them empty.
        seconds: after which no new round begins.
    """
    taken: list[list[float]] = []
    began = time.perf_counter()
    while len(taken) <= ROUNDS or time.perf_counter() - began < seconds:
        taken.append([_milliseconds(representation, sentence) for sentence in sentences])
    low, high = np.quantile(taken[1:], [0.5, 0.95])
    words = sum(map(len, sentences)) / len(sentences)
    return {
        "median_ms": round(float(low), 4),
        "p95_ms": round(float(high), 4),
        "words": round(words, 1),
        "sentences": len(sentences),
    }


def _milliseconds(representation: Representation, sentence: Words) -> float:
    began = time.perf_counter()
    representation.encode([sentence])
    return (time.perf_counter() - began) * 1000
