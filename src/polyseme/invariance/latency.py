"""How long one sentence takes: what somebody waits for who asks a representation.

Every sentence is encoded by itself, words to vectors, with the threads of the run. The time of a
head on top is not in it; beside a representation it is small.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from polyseme.models.base import Representation, Words

ROUNDS, SECONDS, PATIENCE = 3, 1.0, 10


def measure(
    representation: Representation, sentences: Sequence[Words], *, seconds: float = SECONDS
) -> dict[str, Any]:
    """Milliseconds a sentence: median over sentences, in the median of all rounds.

    The first round warms up and does not count; then there are ROUNDS, and more until the time is
    over. After PATIENCE times as long, what was measured has to do.

    Args:
        sentences: at least one, none of them empty.
        seconds: after which no new round begins.

    Returns:
        `median_ms`, the least and most of a round, the 95th percentile of single sentences; or a
        `reason`: what the representation raised.
    """
    try:
        rounds = _rounds(representation, sentences, seconds)
    except Exception as error:  # whatever a representation of the user's own raises
        return {"reason": f"{type(error).__name__}: {error}"}
    counted = rounds[1:] or rounds
    medians = [float(np.median(taken)) for taken in counted]
    every = [value for taken in counted for value in taken]
    return {
        "median_ms": round(float(np.median(medians)), 4),
        "least_ms": round(min(medians), 4),
        "most_ms": round(max(medians), 4),
        "p95_ms": round(float(np.quantile(every, 0.95)), 4),
        "rounds": len(counted),
        "words": round(sum(map(len, sentences)) / len(sentences), 1),
        "sentences": len(sentences),
    }


def _rounds(
    representation: Representation, sentences: Sequence[Words], seconds: float
) -> list[list[float]]:
    began = time.perf_counter()
    until = began + PATIENCE * seconds
    rounds: list[list[float]] = []
    while not rounds or (
        time.perf_counter() < until
        and (len(rounds) <= ROUNDS or time.perf_counter() - began < seconds)
    ):
        rounds.append(list(_round(representation, sentences, until)))
    return rounds


def _round(
    representation: Representation, sentences: Sequence[Words], until: float
) -> Iterator[float]:
    for sentence in sentences:
        began = time.perf_counter()
        representation.encode([sentence])
        ended = time.perf_counter()
        yield (ended - began) * 1000
        if ended > until:
            return
