"""Learn matrices by which vectors lie as a tree does: training of structural probes.

All layers, seeds and ranks are trained on the same batches, each as if it were alone: each matrix
is multiplied by itself (`bmm`), never as part of a wider one, so that the last bits are the same
too. The loss has corners, where such a bit would decide and the difference would grow.

Shapes: X = layers x seeds, B sentences, T words, D dimensions, r rank.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from polyseme.draws import philox
from polyseme.probes.common.fitting import Steps, descend
from polyseme.probes.common.trees import Tree

STREAM = 8


class Sentences(NamedTuple):
    """Vectors h_LTD and trees of the sentences of a split."""

    encoded: Sequence[Tensor]
    trees: list[Tree]


class Kind(NamedTuple):
    """What a matrix is learned for, and its rank."""

    depth: bool
    rank: int


class Batch(NamedTuple):
    """Vectors h_LBTD, trees, and a weight for each word and pair: 0 where there is none."""

    h_LBTD: Tensor
    distances_BTT: Tensor
    depths_BT: Tensor
    share_BT: Tensor
    share_BTT: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same on a device."""
        return Batch(*(tensor.to(device) for tensor in self))


def learn(
    options: Steps,
    train: Sentences,
    kinds: Sequence[Kind],
    seeds: Sequence[int],
    device: torch.device,
) -> dict[Kind, Tensor]:
    """Learn B for every kind, layer and seed.

    Args:
        options: batch_size counts sentences.

    Returns:
        b_XDr of each kind, layer by layer.
    """
    layers, _, dim = train.encoded[0].shape
    matrices = {}
    for kind in kinds:
        start_SDr = torch.stack([_start(seed, dim, kind.rank) for seed in seeds])
        matrices[kind] = start_SDr.repeat(layers, 1, 1).to(device).requires_grad_()
    groups = _by_length(train, options.batch_size)
    batches = [_batch(train, chosen).to(device) for chosen in groups]

    def loss(numbers: Tensor) -> Tensor:
        (number,) = numbers.tolist()
        return _loss(matrices, batches[number], len(seeds))

    descend(replace(options, batch_size=1), list(matrices.values()), loss, len(batches))
    return {kind: b_XDr.detach() for kind, b_XDr in matrices.items()}


def _start(seed: int, dim: int, rank: int) -> Tensor:
    return torch.randn(dim, rank, generator=torch.Generator().manual_seed(seed)) / dim


def _by_length(train: Sentences, size: int) -> list[np.ndarray]:
    """Sentences of similar length together; drawn among equals, once for all passes."""
    order = philox(0, STREAM).permutation(len(train.trees))
    lengths = np.array([len(tree.depths_T) for tree in train.trees])
    order = order[np.argsort(lengths[order], kind="stable")]
    return np.array_split(order, math.ceil(len(order) / size))


def _batch(train: Sentences, chosen: np.ndarray) -> Batch:
    trees = [train.trees[i] for i in chosen]
    longest = max(len(tree.depths_T) for tree in trees)
    layers, _, dim = train.encoded[0].shape
    h_LBTD = torch.zeros(layers, len(trees), longest, dim)
    distances_BTT = torch.zeros(len(trees), longest, longest)
    depths_BT, share_BT = torch.zeros(2, len(trees), longest)
    for row, (i, tree) in enumerate(zip(chosen, trees, strict=True)):
        size = len(tree.depths_T)
        h_LBTD[:, row, :size] = train.encoded[i]
        distances_BTT[row, :size, :size] = torch.from_numpy(tree.distances_TT)
        depths_BT[row, :size] = torch.from_numpy(tree.depths_T)
        share_BT[row, :size] = 1 / size
    share_BTT = share_BT[:, :, None] * share_BT[:, None]
    return Batch(h_LBTD, distances_BTT, depths_BT, share_BT, share_BTT)


def _loss(matrices: Mapping[Kind, Tensor], batch: Batch, num_seeds: int) -> Tensor:
    """Sum over layers, kinds and seeds of the mean over sentences."""
    h_XMD = of_each_seed(batch.h_LBTD.flatten(1, 2), num_seeds)
    losses = []
    for kind, b_XDr in matrices.items():
        p_XBTr = torch.bmm(h_XMD, b_XDr).unflatten(1, batch.depths_BT.shape)
        if kind.depth:
            off_XBT = (p_XBTr.square().sum(-1) - batch.depths_BT).abs()
            losses.append((off_XBT * batch.share_BT).sum())
        else:
            apply: Any = OffDistances.apply
            losses.append(apply(p_XBTr, batch.distances_BTT, batch.share_BTT))
    return torch.stack(losses).sum() / len(batch.depths_BT)


def of_each_seed(h_LMD: Tensor, num_seeds: int) -> Tensor:
    """The vectors of each layer, once for each seed: h_XMD."""
    return h_LMD[:, None].expand(-1, num_seeds, -1, -1).flatten(0, 1)


class OffDistances(torch.autograd.Function):
    """Sum over pairs of weight_BTT |d_XBTT - gold_BTT|, d the squared distances of the rows of p.

    With S = weight sign(d - gold), symmetric, its gradient is 4 (diag(S 1) - S) p: one product and
    no more memory than S, where autograd would keep every step between.
    """

    @staticmethod
    def forward(ctx: Any, p_XBTr: Tensor, gold_BTT: Tensor, weight_BTT: Tensor) -> Tensor:
        """The sum."""
        off_XBTT = squared_distances(p_XBTr).sub_(gold_BTT)
        total = (off_XBTT.abs() * weight_BTT).sum()
        ctx.save_for_backward(p_XBTr, off_XBTT.sign_().mul_(weight_BTT))
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        """Of p alone."""
        p_XBTr, sign_XBTT = ctx.saved_tensors
        pulled = torch.bmm(sign_XBTT.flatten(0, 1), p_XBTr.flatten(0, 1)).view_as(p_XBTr)
        slope = (p_XBTr * sign_XBTT.sum(-1, keepdim=True)).sub_(pulled)
        return slope.mul_(4 * gradients[0]), None, None


def squared_distances(p_ATr: Tensor) -> Tensor:
    """Of all pairs of rows, ATT; A any leading axes."""
    flat_ATr = p_ATr.flatten(0, -3)
    gram_ATT = torch.bmm(flat_ATr, flat_ATr.transpose(1, 2))
    norms_AT = flat_ATr.square().sum(-1)
    found = gram_ATT.mul_(-2).add_(norms_AT[:, :, None]).add_(norms_AT[:, None])
    return found.view(*p_ATr.shape[:-1], p_ATr.shape[-2])
