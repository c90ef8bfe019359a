"""Span: names, chunks or links as tags of their words (Ramshaw & Marcus 1995), scored whole.

Tags are BIO, IOB1 or BIOES: a letter, `-`, a type; `O` stands outside of any span. Each word gets
its best tag by itself. Sequences of tags that no scheme allows are then mended as conlleval does
(Tjong Kim Sang & De Meulder 2003): a span goes on where the tag is I or E and the one before it is
B or I of the same type; any other tag than O begins a span. A span counts as found when its type,
first and last word are right.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from polyseme.stats.additive import Additive, dice
from polyseme.tasks.families import tagging
from polyseme.tasks.families.base import Kept, Scored

OUTSIDE = "O"
Found = tuple[str, int, int]
"""Type, first and last word of a span."""


class Family(tagging.Family):
    """A tag for every word; precision, recall and F1 of spans over all items."""

    main_metric = "f1"
    metrics = ("precision", "recall", "f1", "accuracy")
    names_unseen = True

    def score(self, scored: Scored) -> dict[str, float]:
        """Precision, recall and F1 of spans (micro), and the accuracy of single tags."""
        gold, predicted = (_all(scored, side) for side in (scored.gold_N, scored.predicted_N))
        right = len(gold & predicted)
        total = len(gold) + len(predicted)
        return {
            "precision": right / len(predicted) if predicted else 0.0,
            "recall": right / len(gold) if gold else 0.0,
            "f1": 2 * right / total if total else 0.0,
            "accuracy": float((scored.gold_N == scored.predicted_N).mean()),
        }

    def additive(self, metric: str, kept: Kept) -> Additive | None:
        """F1: of each item, the spans that are right, and those of both sides."""
        if metric != "f1":
            return super().additive(metric, kept)
        scored = Scored(kept.item_U, kept.unit_U, kept.gold_U, kept.predicted_U, kept.names)
        gold, predicted = (_all(scored, side) for side in (scored.gold_N, scored.predicted_N))
        counts_N2 = np.zeros((kept.num_items, 2))
        for item, _ in gold & predicted:
            counts_N2[item, 0] += 1
        for item, _ in (*gold, *predicted):
            counts_N2[item, 1] += 1
        return Additive(counts_N2, dice)


def spans(tags: Sequence[str]) -> list[Found]:
    """Spans of the words of one item, in order."""
    found: list[Found] = []
    before, kind_before = OUTSIDE, ""
    for place, tag in enumerate(tags):
        letter, _, kind = tag.partition("-")
        if letter in "IE" and before in "BI" and kind == kind_before:
            found[-1] = (kind, found[-1][1], place)
        elif letter != OUTSIDE:
            found.append((kind, place, place))
        before, kind_before = letter, kind
    return found


def _all(scored: Scored, numbers_N: np.ndarray) -> set[tuple[int, Found]]:
    """Spans of all items; a word without a label stands outside."""
    found: set[tuple[int, Found]] = set()
    begins = np.flatnonzero(np.diff(scored.item_N, prepend=-1))
    for begin, end in zip(begins, [*begins[1:], len(numbers_N)], strict=True):
        tags = [OUTSIDE] * (int(scored.unit_N[end - 1]) + 1)
        for unit, label in zip(scored.unit_N[begin:end], numbers_N[begin:end], strict=True):
            tags[unit] = scored.name(label)
        found |= {(int(scored.item_N[begin]), span) for span in spans(tags)}
    return found
