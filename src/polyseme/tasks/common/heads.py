"""Dependency heads as labels of words (Strzyz et al. 2019, rel-PoS encoding).

The label of a word says which word it depends on: `+1 NOUN` is the first noun to its right, `-2
VERB` the second verb to its left, `root` nothing. Given the parts of speech, each label leads to
one head, so that accuracy is the unlabelled attachment score.
"""

from __future__ import annotations

from collections.abc import Sequence

from polyseme.errors import DataError


def encode(heads: Sequence[int], upos: Sequence[str]) -> list[str]:
    """Labels of the words of a tree."""
    return [_label(place, head - 1, upos) for place, head in enumerate(heads)]


def _label(place: int, head: int, upos: Sequence[str]) -> str:
    if head < 0:
        return "root"
    low, high = (place + 1, head + 1) if head > place else (head, place)
    count = sum(tag == upos[head] for tag in upos[low:high])
    return f"{'+' if head > place else '-'}{count} {upos[head]}"


def decode(labels: Sequence[str], upos: Sequence[str]) -> list[int]:
    """Heads from labels, 0 where a label leads nowhere or to the root."""
    return [_head(place, label, upos) for place, label in enumerate(labels)]


def _head(place: int, label: str, upos: Sequence[str]) -> int:
    if label == "root":
        return 0
    offset, tag = label.split(" ")
    sides = range(place + 1, len(upos)) if offset[0] == "+" else range(place - 1, -1, -1)
    found = [n for n in sides if upos[n] == tag]
    count = int(offset[1:])
    return found[count - 1] + 1 if len(found) >= count else 0


def fault(heads: Sequence[int]) -> tuple[int, str] | None:
    """Place and reason where heads, counted from 1, are no tree with one root; else None.

    0 is the root; a head below 0 is open, and no fault.
    """
    roots = [place for place, head in enumerate(heads) if head == 0]
    if len(roots) > 1:
        return roots[1], "is a second root"
    rooted: set[int] = set()
    for place in range(len(heads)):
        path: dict[int, None] = {}
        at = place
        while at >= 0 and at not in rooted:
            if at in path:
                return at, "depends on itself, by way of other words or at once"
            path[at] = None
            at = heads[at] - 1
        rooted |= path.keys()
    return None


def require_tree(words: Sequence[str], heads: Sequence[int], *, where: str) -> None:
    """Refuse heads that are no tree.

    Raises:
        DataError: two roots, a cycle, or a head outside of the sentence.
    """
    size = len(words)
    outside = next((place for place, head in enumerate(heads) if head > size), None)
    found = (
        fault(heads)
        if outside is None
        else (outside, f"has head {heads[outside]}, outside of its sentence of {size} words")
    )
    if found is not None:
        place, what = found
        word = f"word {place + 1} ({words[place][:40]!r})"
        mend = "correct the heads of the sentence that begins here"
        raise DataError(f"{word} {what}", where=where, mend=mend)
