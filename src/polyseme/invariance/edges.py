"""Sentences at the ends of what there is: none, one word, more than fits."""

from __future__ import annotations

from collections.abc import Sequence

from polyseme.invariance.base import Finding, all_there, difference, judged, missing
from polyseme.models.base import MARKS, Representation, Words

MOST_WORDS = 1024
BEYOND, MOST_ALONE = 8, 32
"""Words beyond the first window, and words that are encoded alone."""


def empty(representation: Representation, sentences: Sequence[Words]) -> Finding:
    """A sentence without words has no rows, and changes nothing beside it."""
    before, after = sentences[0], sentences[-1]
    first, none, last = representation.encode([before, [], after])
    shape = (representation.num_layers, 0, representation.dim)
    if none.shape != shape or representation.encode([[]])[0].shape != shape:
        return Finding(False, reason=f"has shape {list(none.shape)}, not {list(shape)}")
    return judged(difference([first, last], representation.encode([before, after])))


def one_word(representation: Representation, sentences: Sequence[Words]) -> Finding:
    """Some words, each as a sentence of its own."""
    alone = [[word] for word in dict.fromkeys(_words(representation, sentences))]
    alone = alone[:MOST_ALONE]
    return all_there(representation, alone, representation.encode(alone))


def long(representation: Representation, sentences: Sequence[Words]) -> Finding:
    """A sentence longer than the model's maximum: all words, and the first of them as if alone."""
    words = _words(representation, sentences)
    words = (words * (MOST_WORDS // max(1, len(words)) + 1))[:MOST_WORDS]
    window = representation.window(words)
    whole = words[: window + BEYOND]
    encoded = representation.encode([whole])
    found = all_there(representation, [whole], encoded)
    if not found.passed:
        return found
    if window == len(words):
        return found._replace(reason=f"no maximum within {window} words")
    alone = representation.encode([whole[:window]])[0]
    return judged(difference([encoded[0][:, :window]], [alone]), reason=f"cut after {window} words")


def _words(representation: Representation, sentences: Sequence[Words]) -> list[str]:
    """Words that have a vector where they stand; `defined` tells of the others."""
    lost = {*missing(representation, sentences, representation.encode(sentences)), *MARKS}
    return [word for sentence in sentences for word in sentence if word not in lost]
