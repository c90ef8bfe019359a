"""What tasks on the surface of sentences share (Conneau et al. 2018, SentEval probing).

Departure: SentEval's sentences are of the Toronto Book Corpus, which cannot be had; here they are
those of a prepared corpus, in the splits of the corpus.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from polyseme.config import config
from polyseme.data import documents
from polyseme.data.split import Split as SplitName
from polyseme.tasks.base import Split, same_words
from polyseme.training.options import Positive


@config
class Surface:
    """Values that all of them have."""

    module: str
    """Of the task."""
    source: str
    """Artifact of a corpus."""
    num_items: dict[SplitName, Positive]
    """Sentences of each split, spread evenly over the labels; fewer where the corpus lacks them."""
    min_words: Positive
    """Shorter sentences are left out."""
    max_words: Positive
    """Longer ones, too."""


def sentences(options: Surface, source: Path, split: SplitName) -> Iterator[list[str]]:
    """Sentences of a split that are neither too short nor too long, in order."""
    for words in documents.sentences(source, split):
        if options.min_words <= len(words) <= options.max_words:
            yield words


def even(
    found: Iterator[list[str]], label: Callable[[list[str]], str | None], *, size: int, classes: int
) -> Split:
    """About `size` different sentences, each of the classes as often: the first ones of each.

    Args:
        label: of a sentence; None where it has none.
    """
    quota = max(1, size // classes)
    counts: Counter[str] = Counter()
    taken: dict[str, tuple[list[str], str]] = {}
    for words in found:
        name = label(words)
        if name is None or counts[name] == quota or same_words(words) in taken:
            continue
        taken[same_words(words)] = words, name
        counts[name] += 1
        if len(taken) == quota * classes:
            break
    return Split([words for words, _ in taken.values()], [name for _, name in taken.values()])
