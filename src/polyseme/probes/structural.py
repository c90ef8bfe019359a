"""Structural probe: is a tree there, as geometry (Hewitt & Manning 2019)?

A matrix B of rank r is learned so that squared distances and squared norms are those of a tree,

    d(i, j) = |B h_i - B h_j|^2, distance between words i and j    (equation 1)
    n(i) = |B h_i|^2, depth of word i                              (equation 2)

with the loss |gold - predicted| over pairs, divided by the squared length of the sentence (over
words and by the length for depths). UUAS is the share of the edges that the minimum spanning tree
of the predicted distances finds, punctuation left out; root_accuracy the share of the sentences
whose word of smallest depth is the root; dspr and nspr are Spearman correlations of distances and
depths, averaged over lengths 5 to 50. The linear chain joins each word to the next.

Vectors are scaled to deviation 1 over all dimensions of a layer, which B could learn as well.

Shapes: L layers, X = layers x seeds, R ranks, T words, D dimensions, r rank.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from polyseme.config import config
from polyseme.probes.base import Probed, Rows
from polyseme.probes.common import trees
from polyseme.probes.common.fitting import Sizes, Steps
from polyseme.probes.common.geometry import Kind, Sentences, learn, of_each_seed, squared_distances
from polyseme.probes.common.labellings import most_vectors
from polyseme.probes.common.trees import Tree
from polyseme.tasks.families.base import Family
from polyseme.tasks.families.tree import Family as TreeFamily
from polyseme.training.options import Positive, Rate

MAX_WORDS = 100
"""Longer sentences are not trained on: a pair of words needs memory."""


@config
class Config(Steps):
    """Values of conf/probe/structural.yaml."""

    epochs: Positive = 20
    """Passes over the training sentences, at least."""
    min_steps: Positive = 500
    """Optimizer steps, at least: small tasks get more passes."""
    batch_size: Positive = 20
    """Sentences of an optimizer step."""
    lr: Rate = 0.005
    """First learning rate of Adam; falls to 0 along a cosine."""
    ranks: Annotated[Sizes, Field(min_length=1)] = (8, 32)
    """Ranks of B."""


def suits(family: Family) -> bool:
    """Trees."""
    return isinstance(family, TreeFamily)


def measure(options: Config, probed: Probed) -> Rows:
    """Rows of every layer, seed and rank, and of the linear chain."""
    train, test = (_sentences(probed, name, options) for name in ("train", "test"))
    spread_L11 = _spread(train.encoded)
    train = train._replace(encoded=[h_LTD / spread_L11 for h_LTD in train.encoded])
    kinds = [Kind(depth, rank) for rank in options.ranks for depth in (False, True)]
    matrices = learn(options, train, kinds, probed.seeds, probed.device)
    common = {"split": "test", "train_size": len(train.trees), "num_items": len(test.trees)}
    for depth in (False, True):
        chosen = [b_XDr for kind, b_XDr in matrices.items() if kind.depth == depth]
        found = _scores(test, chosen, len(probed.seeds), depth=depth)
        for metric, values_RX in found.items():
            for place, value in zip(_places(options, probed), values_RX.flatten(), strict=True):
                if np.isfinite(value):
                    row = {"metric": metric, "value": float(value), "control": False}
                    yield common | place | row
    yield {**common, "metric": "uuas_chain", "value": chain(test.trees), "control": False}


def _places(options: Config, probed: Probed) -> Iterator[dict[str, Any]]:
    """What the values of scores are of, in their order."""
    for rank in options.ranks:
        for layer in range(probed.num_layers):
            for seed in probed.seeds:
                yield {"layer": str(layer), "rank": rank, "seed": seed}


def _sentences(probed: Probed, name: str, options: Config) -> Sentences:
    split = probed.task.splits[name]
    found = [(words, tree) for words, tree in zip(split.sentences, trees.trees(split), strict=True)
             if len(words) > 1]  # fmt: skip
    if name == "train":
        found = [(words, tree) for words, tree in found if len(words) <= MAX_WORDS]
        most = most_vectors(options.max_gib, probed.num_layers, probed.dim)
        ends = np.cumsum([len(words) for words, _ in found])
        found = found[: max(1, int(np.searchsorted(ends, most, side="right")))]
    return Sentences(probed.encode([words for words, _ in found]), [tree for _, tree in found])


def _spread(encoded: Sequence[Tensor]) -> Tensor:
    """Root of the mean squared deviation of a layer's vectors from their mean, L11."""
    num_words = sum(h_LTD.shape[1] for h_LTD in encoded)
    sums = [h_LTD.double().sum(1, keepdim=True) for h_LTD in encoded]
    mean_L1D = torch.stack(sums).sum(0) / num_words
    squares = [(h_LTD.double() - mean_L1D).square().sum((1, 2), keepdim=True) for h_LTD in encoded]
    mean_L11 = torch.stack(squares).sum(0) / (num_words * mean_L1D.shape[-1])
    return mean_L11.sqrt().clamp(min=1e-6).float()


def _scores(
    test: Sentences, matrices: Sequence[Tensor], num_seeds: int, *, depth: bool
) -> dict[str, np.ndarray]:
    """UUAS and dspr, or root_accuracy and nspr, of the matrices of each rank: values_RX.

    All of them hang on order alone, so that vectors need not be scaled as in training.
    """
    score = depth_score if depth else distance_score
    found = []
    for h_LTD, tree in zip(test.encoded, test.trees, strict=True):
        h_XTD = of_each_seed(h_LTD.to(matrices[0].device), num_seeds)
        found.append(score([torch.bmm(h_XTD, b_XDr).double() for b_XDr in matrices], tree))
    right_NRX, correlation_NRX = (np.stack(parts) for parts in zip(*found, strict=True))
    asked = len(test.trees) if depth else max(1, sum(len(tree.edges) for tree in test.trees))
    lengths = [len(tree.depths_T) for tree in test.trees]
    averaged_RX = trees.by_length(correlation_NRX, lengths)
    right, correlation = ("root_accuracy", "nspr") if depth else ("uuas", "dspr")
    return {right: right_NRX.sum(0) / asked, correlation: averaged_RX}


def distance_score(projected: Sequence[Tensor], tree: Tree) -> tuple[np.ndarray, np.ndarray]:
    """Right edges of the minimum spanning tree, and the rank correlation of distances.

    Args:
        projected: B h of a sentence for each rank, p_XTr.

    Returns:
        Each RX; the correlation is the mean over words.
    """
    found_RXTT = np.stack([squared_distances(p_XTr).cpu().numpy() for p_XTr in projected])
    ranks, size, length, _ = found_RXTT.shape
    there_GT = np.broadcast_to(tree.scored_T, (ranks * size, length))
    heads_GT = trees.spanning(found_RXTT.reshape(-1, length, length), there_GT)
    rows_RXT = trees.spearman(found_RXTT, tree.distances_TT)
    known_RXT = np.isfinite(rows_RXT)
    with np.errstate(invalid="ignore"):
        mean_RX = np.where(known_RXT, rows_RXT, 0).sum(-1) / known_RXT.sum(-1)
    return trees.right(heads_GT, tree).reshape(ranks, size), mean_RX


def depth_score(projected: Sequence[Tensor], tree: Tree) -> tuple[np.ndarray, np.ndarray]:
    """Whether the word of smallest depth is the root, and the rank correlation of depths: RX."""
    depths_RXT = np.stack([p_XTr.square().sum(-1).cpu().numpy() for p_XTr in projected])
    least_RX = np.where(tree.scored_T, depths_RXT, np.inf).argmin(-1)
    return (least_RX == tree.root).astype(int), trees.spearman(depths_RXT, tree.depths_T)


def chain(gold: Sequence[Tree]) -> float:
    """UUAS of the tree in which each word is joined to the next that is no punctuation."""
    right = 0
    for tree in gold:
        places = np.flatnonzero(tree.scored_T).tolist()
        right += len(tree.edges.intersection(pairwise(places)))
    return right / max(1, sum(len(tree.edges) for tree in gold))
