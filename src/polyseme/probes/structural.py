"""Structural probe: is a tree there, as geometry (Hewitt & Manning 2019)?

A matrix B of rank r is learned so that squared distances and squared norms are those of a tree,

    d(i, j) = |B h_i - B h_j|^2, distance between words i and j    (equation 1)
    n(i) = |B h_i|^2, depth of word i                              (equation 2)

with the loss |gold - predicted| over pairs, divided by the squared length of the sentence (over
words and by the length for depths). UUAS is the share of the edges that the minimum spanning tree
of the predicted distances finds, punctuation left out; root_accuracy the share of the sentences
whose word of smallest depth is the root; dspr and nspr are Spearman correlations of distances and
depths, averaged over lengths 5 to 50. The linear chain joins each word to the next.

All layers, seeds and ranks are trained on the same batches, each as if it were alone; in float64,
because at the corners of the loss the least difference between one and many would grow. Vectors are
scaled to deviation 1 over all dimensions of a layer, which B could learn as well.

Shapes: L layers, B sentences, T words, D dimensions, r rank, X = one of L layers x seeds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Annotated, NamedTuple

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from polyseme.config import config
from polyseme.draws import philox
from polyseme.probes.base import Probed, Rows
from polyseme.probes.common import trees
from polyseme.probes.common.fitting import Steps, descend
from polyseme.probes.common.trees import Tree
from polyseme.tasks.families.base import Family
from polyseme.tasks.families.tree import Family as TreeFamily
from polyseme.training.options import Positive, Rate

STREAM = 8
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
    ranks: Annotated[tuple[Positive, ...], Field(min_length=1)] = (8, 32)
    """Ranks of B."""


class Sentences(NamedTuple):
    """Vectors h_LTD and trees of the sentences of a split."""

    encoded: list[Tensor]
    trees: list[Tree]


def suits(family: Family) -> bool:
    """Trees."""
    return isinstance(family, TreeFamily)


def measure(options: Config, probed: Probed) -> Rows:
    """Rows of every layer, seed and rank, and of the linear chain."""
    train, test = (_sentences(probed, name) for name in ("train", "test"))
    spread_L = _spread(train.encoded)
    train, test = (_scaled(of, spread_L) for of in (train, test))
    found = fit(options, train, probed.seeds)
    common = {"split": "test", "train_size": len(train.trees), "num_items": len(test.trees)}
    for key, b_LSDr in found.items():
        scores = depth_scores if key.depth else distance_scores
        for layer in range(probed.num_layers):
            for seed, b_Dr in zip(probed.seeds, b_LSDr[layer], strict=True):
                projected = [(h_LTD[layer] @ b_Dr).cpu().numpy() for h_LTD in test.encoded]
                for metric, value in scores(projected, test.trees).items():
                    place = {"layer": str(layer), "rank": key.rank, "seed": seed, "control": False}
                    yield {**common, **place, "metric": metric, "value": value}
    yield {**common, "metric": "uuas_chain", "value": chain(test.trees), "control": False}


def _sentences(probed: Probed, name: str) -> Sentences:
    split = probed.task.splits[name]
    found = [(words, tree) for words, tree in zip(split.sentences, trees.trees(split), strict=True)
             if len(words) > 1]  # fmt: skip
    if name == "train":
        found = [(words, tree) for words, tree in found if len(words) <= MAX_WORDS]
    encoded = [h_LTD.to(probed.device) for h_LTD in probed.encode([words for words, _ in found])]
    return Sentences(encoded, [tree for _, tree in found])


def _spread(encoded: Sequence[Tensor]) -> Tensor:
    """Root of the mean squared deviation of a layer's vectors from their mean, L11."""
    h_LND = torch.cat(list(encoded), dim=1).double()
    centred = h_LND - h_LND.mean(1, keepdim=True)
    return centred.square().mean((1, 2), keepdim=True).sqrt().clamp(min=1e-6)


def _scaled(sentences: Sentences, spread_L11: Tensor) -> Sentences:
    return sentences._replace(encoded=[h_LTD / spread_L11 for h_LTD in sentences.encoded])


class Kind(NamedTuple):
    """What a matrix is learned for, and its rank."""

    depth: bool
    rank: int


def fit(options: Config, train: Sentences, seeds: Sequence[int]) -> dict[Kind, Tensor]:
    """Learn B for every rank, layer and seed, b_LSDr."""
    layers, _, dim = train.encoded[0].shape
    kinds = [Kind(depth, rank) for rank in options.ranks for depth in (False, True)]
    start_DK = torch.cat([_start(seed, dim, kind.rank) for kind in kinds for seed in seeds], dim=1)
    b_LDK = start_DK.to(train.encoded[0].device).repeat(layers, 1, 1).requires_grad_()
    batches = [_batch(train, chosen) for chosen in _by_length(train, options)]

    def loss(numbers: Tensor) -> Tensor:
        (number,) = numbers.tolist()
        return _loss(b_LDK, batches[number], kinds, len(seeds))

    descend(replace(options, batch_size=1), [b_LDK], loss, len(batches))
    parts = b_LDK.detach().split([kind.rank * len(seeds) for kind in kinds], dim=-1)
    return {
        kind: part.unflatten(-1, (len(seeds), -1)).transpose(1, 2)
        for kind, part in zip(kinds, parts, strict=True)
    }


def _start(seed: int, dim: int, rank: int) -> Tensor:
    return torch.randn(dim, rank, generator=torch.Generator().manual_seed(seed)).double() / dim


class Batch(NamedTuple):
    """Vectors h_LBTD, trees, and 1 over the words of a sentence, 0 where there is none."""

    h_LBTD: Tensor
    distances_BTT: Tensor
    depths_BT: Tensor
    share_BT: Tensor


def _by_length(train: Sentences, options: Config) -> list[np.ndarray]:
    """Sentences of similar length together; drawn among equals, once for all passes."""
    order = philox(0, STREAM).permutation(len(train.trees))
    lengths = np.array([len(tree.depths_T) for tree in train.trees])
    order = order[np.argsort(lengths[order], kind="stable")]
    return np.array_split(order, math.ceil(len(order) / options.batch_size))


def _batch(train: Sentences, chosen: np.ndarray) -> Batch:
    pad = torch.nn.utils.rnn.pad_sequence
    h_BTLD = pad([train.encoded[i].transpose(0, 1) for i in chosen], batch_first=True)
    trees_B = [train.trees[i] for i in chosen]
    depths, shares = (
        pad([torch.from_numpy(x).double() for x in of], batch_first=True)
        for of in ([t.depths_T for t in trees_B],
                   [np.full(len(t.depths_T), 1 / len(t.depths_T)) for t in trees_B])
    )  # fmt: skip
    distances_BTT = torch.zeros(*depths.shape, depths.shape[1], dtype=torch.float64)
    for row, tree in enumerate(trees_B):
        size = len(tree.depths_T)
        distances_BTT[row, :size, :size] = torch.from_numpy(tree.distances_TT)
    known = (tensor.to(h_BTLD.device) for tensor in (distances_BTT, depths, shares))
    return Batch(h_BTLD.permute(2, 0, 1, 3).contiguous(), *known)


def _loss(b_LDK: Tensor, batch: Batch, kinds: Sequence[Kind], num_seeds: int) -> Tensor:
    """Sum over layers, kinds and seeds of the mean over sentences."""
    sentences, length = batch.depths_BT.shape
    p_LNK = torch.bmm(batch.h_LBTD.flatten(1, 2), b_LDK)
    parts = p_LNK.split([kind.rank * num_seeds for kind in kinds], dim=-1)
    weight_BTT = batch.share_BT[:, :, None] * batch.share_BT[:, None]
    losses = []
    for kind, part in zip(kinds, parts, strict=True):
        p_LBTSr = part.unflatten(-1, (num_seeds, -1)).unflatten(1, (sentences, length))
        p_LSBTr = p_LBTSr.permute(0, 3, 1, 2, 4)
        if kind.depth:
            off_LSBT = (p_LSBTr.square().sum(-1) - batch.depths_BT).abs()
            losses.append((off_LSBT * batch.share_BT).sum())
        else:
            found_XTT = squared_distances(p_LSBTr.flatten(0, 2))
            found_XBTT = found_XTT.unflatten(0, (-1, sentences))
            losses.append(((found_XBTT - batch.distances_BTT).abs() * weight_BTT).sum())
    return torch.stack(losses).sum() / sentences


def squared_distances(p_XTr: Tensor) -> Tensor:
    """Of all pairs of rows, XTT."""
    gram_XTT = torch.bmm(p_XTr, p_XTr.transpose(1, 2))
    norms_XT = p_XTr.square().sum(-1)
    return norms_XT[:, :, None] + norms_XT[:, None] - 2 * gram_XTT


def distance_scores(projected: Sequence[np.ndarray], gold: Sequence[Tree]) -> dict[str, float]:
    """UUAS and dspr of B h_TD of each sentence."""
    length = max(len(tree.depths_T) for tree in gold)
    found_GTT = np.zeros((len(gold), length, length))
    there_GT = np.zeros((len(gold), length), dtype=bool)
    correlations = []
    for g, (p_Tr, tree) in enumerate(zip(projected, gold, strict=True)):
        found_TT = ((p_Tr[:, None] - p_Tr[None]) ** 2).sum(-1)
        found_GTT[g, : len(p_Tr), : len(p_Tr)] = found_TT
        there_GT[g, : len(p_Tr)] = tree.scored_T
        rows_T = trees.spearman(found_TT, tree.distances_TT)
        correlations.append(float(np.nanmean(rows_T)) if np.isfinite(rows_T).any() else np.nan)
    found = trees.edges(trees.spanning(found_GTT, there_GT))
    dspr = trees.by_length(correlations, [len(p) for p in projected])
    return {"uuas": _share(found, gold)} | ({} if dspr is None else {"dspr": dspr})


def depth_scores(projected: Sequence[np.ndarray], gold: Sequence[Tree]) -> dict[str, float]:
    """root_accuracy and nspr of B h_TD of each sentence."""
    right, correlations = [], []
    for p_Tr, tree in zip(projected, gold, strict=True):
        depths_T = (p_Tr**2).sum(-1)
        right.append(int(np.where(tree.scored_T, depths_T, np.inf).argmin()) == tree.root)
        correlations.append(float(trees.spearman(depths_T[None], tree.depths_T[None])[0]))
    nspr = trees.by_length(correlations, [len(p) for p in projected])
    return {"root_accuracy": float(np.mean(right))} | ({} if nspr is None else {"nspr": nspr})


def chain(gold: Sequence[Tree]) -> float:
    """UUAS of the tree in which each word is joined to the next that is no punctuation."""
    places = [np.flatnonzero(tree.scored_T).tolist() for tree in gold]
    return _share([frozenset(pairwise(p)) for p in places], gold)


def _share(found: Sequence[frozenset[tuple[int, int]]], gold: Sequence[Tree]) -> float:
    right = sum(len(f & tree.edges) for f, tree in zip(found, gold, strict=True))
    return right / max(1, sum(len(tree.edges) for tree in gold))
