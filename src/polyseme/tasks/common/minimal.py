"""Minimal pairs: two sentences in one item, the better one first."""

from __future__ import annotations

from polyseme.errors import DataError
from polyseme.models.base import TEXT, Words

PHENOMENON = "phenomenon: "
"""Before the name of a part that holds several others."""


def joined(good: Words, bad: Words, *, where: str, mend: str) -> list[str]:
    """The words of both sentences, with the mark between two texts.

    Raises:
        DataError: they are the same, so that none is better, or one has no words.
    """
    if not good or not bad:
        raise DataError("a sentence without words", where=where, mend=mend)
    if list(good) == list(bad):
        raise DataError("both sentences of the pair are the same", where=where, mend=mend)
    return [*good, TEXT, *bad]
