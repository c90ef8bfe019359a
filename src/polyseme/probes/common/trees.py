"""Trees as distances and depths, and back: what structural probes are measured by.

Shapes: T words of a sentence (padded), G graphs side by side.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from polyseme.tasks.base import Split
from polyseme.tasks.families import tree

LENGTHS = range(5, 51)
"""Lengths over which rank correlations are averaged (Hewitt & Manning 2019, section 4.1)."""


class Tree(NamedTuple):
    """A sentence of T words.

    Attributes:
        distances_TT: edges between two words.
        depths_T: edges between a word and the root.
        edges: pairs of words, the smaller number first, none of them punctuation.
        root: number of the word that is the root.
        scored_T: whether a word is no punctuation.
    """

    distances_TT: np.ndarray
    depths_T: np.ndarray
    edges: frozenset[tuple[int, int]]
    root: int
    scored_T: np.ndarray


def trees(split: Split) -> list[Tree]:
    """Trees of the items of a split."""
    return [of(tree.heads(labels), tree.punctuation(labels)) for labels in split.labels]


def of(heads: Sequence[int], is_punctuation: Sequence[bool]) -> Tree:
    """The tree of a sentence with one root; heads count from 1."""
    depths_T = np.array([sum(1 for _ in _above(heads, place)) for place in range(len(heads))])
    scored_T = ~np.array(is_punctuation, dtype=bool)
    edges = [(place, head - 1) for place, head in enumerate(heads) if head > 0]
    return Tree(
        _distances(heads, depths_T),
        depths_T,
        frozenset((min(e), max(e)) for e in edges if scored_T[list(e)].all()),
        int(np.argmin(depths_T)),
        scored_T,
    )


def _above(heads: Sequence[int], place: int) -> Iterator[int]:
    """Words between a word and the root, the root included."""
    while heads[place] > 0:
        place = heads[place] - 1
        yield place


def _distances(heads: Sequence[int], depths_T: np.ndarray) -> np.ndarray:
    """Word by word from the root down: as far as the head is, and one edge more."""
    distances_TT = np.zeros((len(heads), len(heads)), dtype=np.int64)
    done: list[int] = []
    for place in np.argsort(depths_T, kind="stable").tolist():
        if heads[place] > 0:
            row = distances_TT[heads[place] - 1, done] + 1
            distances_TT[place, done] = distances_TT[done, place] = row
        done.append(place)
    return distances_TT


def spanning(distances_GTT: np.ndarray, there_GT: np.ndarray) -> np.ndarray:
    """Minimum spanning trees of graphs side by side (Prim 1957), heads_GT.

    Args:
        distances_GTT: weights of the edges, symmetric.
        there_GT: words of each graph; the others are left out.

    Returns:
        Of each word the one that it was joined to; -1 of the first and of those left out. Of equal
        edges the one to the word of the smaller number is taken.
    """
    graphs, length, _ = distances_GTT.shape
    heads_GT = np.full((graphs, length), -1)
    rows_G = np.arange(graphs)
    first_G = there_GT.argmax(1)
    left_GT = there_GT.copy()
    left_GT[rows_G, first_G] = False
    near_GT = distances_GTT[rows_G, first_G].astype(np.float64)
    from_GT = np.repeat(first_G[:, None], length, axis=1)
    for _ in range(int(there_GT.sum(1).max(initial=1)) - 1):
        chosen_G = np.where(left_GT, near_GT, np.inf).argmin(1)
        open_G = left_GT[rows_G, chosen_G]
        heads_GT[rows_G[open_G], chosen_G[open_G]] = from_GT[rows_G, chosen_G][open_G]
        left_GT[rows_G, chosen_G] = False
        offered_GT = distances_GTT[rows_G, chosen_G]
        nearer_GT = (offered_GT < near_GT) & open_G[:, None]
        near_GT = np.where(nearer_GT, offered_GT, near_GT)
        from_GT = np.where(nearer_GT, chosen_G[:, None], from_GT)
    return heads_GT


def right(heads_GT: np.ndarray, tree: Tree) -> np.ndarray:
    """How many edges of each spanning tree are edges of the sentence's tree, G."""
    near_TT = (tree.distances_TT == 1) & tree.scored_T & tree.scored_T[:, None]
    counted_GT = near_TT[np.arange(heads_GT.shape[1]), heads_GT] & (heads_GT >= 0)
    counts: np.ndarray = counted_GT.sum(-1)
    return counts


def spearman(found_XT: np.ndarray, gold_XT: np.ndarray) -> np.ndarray:
    """Rank correlation of each row, ties by mean rank; nan where either is constant.

    Leading axes may differ as those of numpy operations may.
    """
    from scipy.stats import rankdata

    a_XT, b_XT = (rankdata(x, axis=-1) for x in (found_XT, gold_XT))
    a_XT, b_XT = (x - x.mean(-1, keepdims=True) for x in (a_XT, b_XT))
    norms_X = np.sqrt((a_XT**2).sum(-1) * (b_XT**2).sum(-1))
    with np.errstate(invalid="ignore", divide="ignore"):
        found: np.ndarray = (a_XT * b_XT).sum(-1) / norms_X
    return found


def by_length(values_NX: np.ndarray, lengths: Sequence[int]) -> np.ndarray:
    """Mean over lengths of the mean over sentences of a length, X; nan where there are none.

    Args:
        values_NX: of N sentences, X any further axes; nan counts nowhere.
    """
    lengths_N = np.array(lengths)
    sums_X, counts_X = np.zeros((2, *values_NX.shape[1:]))
    for length in sorted({*LENGTHS}.intersection(lengths)):
        values = values_NX[lengths_N == length]
        known = np.isfinite(values)
        there = known.any(0)
        means = np.where(known, values, 0).sum(0) / known.sum(0).clip(min=1)
        sums_X, counts_X = sums_X + means * there, counts_X + there
    with np.errstate(invalid="ignore"):
        found: np.ndarray = sums_X / counts_X
    return found
