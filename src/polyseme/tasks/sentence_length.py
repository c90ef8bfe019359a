"""How many words has this sentence? (SentLen, Conneau et al. 2018.)

Lengths fall into bins that are about equally frequent in the corpus, and of which each gives as
many items. Punctuation counts.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import islice, pairwise
from pathlib import Path

from polyseme.config import config
from polyseme.tasks.base import Split
from polyseme.tasks.common import surface
from polyseme.tasks.common.surface import Surface
from polyseme.training.options import Positive

FAMILY = "classification"
PROBED_ONLY = True
SAMPLE = 10_000
"""Sentences of the train split whose lengths decide where bins end."""


@config
class Config(Surface):
    """Values of a conf/task/*.yaml with `module: sentence_length`."""

    num_bins: Positive
    """Bins; fewer where so many sentences have one length that it would fill several."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """Sentences and the bins of their lengths, as `5-8`."""
    sample = islice(surface.sentences(options, source, "train"), SAMPLE)
    last = bins(sorted(map(len, sample)), options.num_bins, options.max_words)
    names = [_name(low + 1, high) for low, high in pairwise([options.min_words - 1, *last])]
    return {
        split: surface.even(
            surface.sentences(options, source, split),
            lambda words: names[bisect_left(last, len(words))],
            size=size,
            classes=len(names),
        )
        for split, size in options.num_items.items()
    }


def bins(lengths: Sequence[int], number: int, longest: int) -> list[int]:
    """Greatest length of each bin, from lengths in order; the last one is `longest`."""
    inner = {lengths[n * len(lengths) // number] for n in range(1, number)} if lengths else set()
    return [*sorted(inner - {longest}), longest]


def _name(low: int, high: int) -> str:
    return f"{low}-{high}" if low < high else f"{low}"
