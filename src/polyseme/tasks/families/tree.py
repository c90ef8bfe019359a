"""Trees: the head of every word, for structural probes; nothing is fine-tuned.

A label is the position of a word's head, counted from 1, with `.` after it where the word is
punctuation: `3`, `0` at the root, `4.` at a comma.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from polyseme.errors import DataError
from polyseme.tasks.families import tagging

PUNCTUATION = "."


class Family(tagging.Family):
    """A head for every word."""

    main_metric = "uuas"
    metrics = ("uuas",)
    has_classes = False
    probed_only = True

    def fit(self, labels: Sequence[Any], *, task: str) -> list[str]:
        """Nothing is to be learned from the labels.

        Raises:
            DataError: no item has two words that are no punctuation.
        """
        if not any(sum(not mark for mark in punctuation(of)) > 1 for of in labels):
            raise DataError("has no tree of two words", where=task, mend="check its source")
        return []

    def targets(self, labels: Sequence[Any], index: dict[str, int]) -> list[list[Any]]:
        """Heads, 0 at the root."""
        return [heads(of) for of in labels]


def write(heads: Sequence[int], is_punctuation: Sequence[bool]) -> list[str]:
    """Labels of the words of a tree."""
    pairs = zip(heads, is_punctuation, strict=True)
    return [f"{head}{PUNCTUATION if mark else ''}" for head, mark in pairs]


def heads(labels: Sequence[str]) -> list[int]:
    """Heads of the words, counted from 1; 0 at the root."""
    return [int(label.removesuffix(PUNCTUATION)) for label in labels]


def punctuation(labels: Sequence[str]) -> list[bool]:
    """Which words are punctuation."""
    return [label.endswith(PUNCTUATION) for label in labels]
