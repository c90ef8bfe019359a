"""What tasks of edges share: items with marked spans, and items from the edges of trees."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from polyseme.draws import philox
from polyseme.tasks.base import Split
from polyseme.tasks.common import heads
from polyseme.tasks.families.edge import require_spans

STREAM = 13


class Item(NamedTuple):
    """A text, first word and end of its one or two spans, its label, where it stands."""

    words: list[str]
    places: list[int]
    label: str
    where: str


class Tree(NamedTuple):
    """A sentence with its heads.

    Attributes:
        words: T words.
        heads: position of each word's head, from 1; 0 is the root; below 0 it is open.
        relations: of each word to its head; None where there is none.
        where: file and line, for messages.
    """

    words: list[str]
    heads: Sequence[int]
    relations: Sequence[str | None]
    where: str


def split(items: Iterable[Item]) -> Split:
    """Items as a split.

    Raises:
        DataError: a span is empty, or not inside its sentence.
    """
    found = list(items)
    for item in found:
        require_spans(item.words, item.places, where=item.where)
    return Split([i.words for i in found], [i.label for i in found], [i.places for i in found])


def drawn(trees: Iterable[Tree], *, per_sentence: int) -> Split:
    """Some edges of each tree: a dependent word, its head, their relation.

    Roots have none. An edge whose relation no tree before has shown is taken before others, which
    are drawn at random, so that rare relations are there and frequent ones stay frequent.

    Raises:
        DataError: heads that are no tree.
    """
    items: list[Item] = []
    seen: set[str] = set()
    for number, tree in enumerate(trees):
        heads.require_tree(tree.words, tree.heads, where=tree.where)
        edges = _edges(tree)
        order = philox(0, STREAM, number).permutation(len(edges))
        chosen = sorted((edges[i] for i in order), key=lambda item: item.label in seen)
        items += sorted(chosen[:per_sentence], key=lambda item: item.places)
        seen |= {item.label for item in chosen[:per_sentence]}
    return split(items)


def _edges(tree: Tree) -> list[Item]:
    """An item for each word that has a head and a relation."""
    words, heads_T, relations, where = tree
    return [
        Item(words, [place, place + 1, head - 1, head], relation, where)
        for place, (head, relation) in enumerate(zip(heads_T, relations, strict=True))
        if head > 0 and relation is not None
    ]
