"""Edge probe: which layers tell what spans have to do with each other (Tenney et al. 2019a, b)?

Words are mixed over layers, h = gamma sum_l s_l h_l with s = softmax(a) (Peters et al. 2018),
projected, and pooled over each span by learned attention; the spans side by side go through one
hidden layer to the labels. Each probe may use the layers 0 to l; the one that may use all is `mix`.

    centre of gravity  E_s[l] = sum_l l s_l                             of the probe `mix`
    expected layer     sum_l l D(l) / sum_l D(l), D(l) = score(0..l) - score(0..l-1)

An expected layer is given where the scores rise on the whole. Departure: an item has one label, so
softmax replaces a sigmoid for each label. All probes and seeds are trained on the same batches.

Shapes: L layers, X = probes x seeds, N items, Q spans, S words of the longest span, D dimensions, P
projected, H hidden, C labels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from polyseme.config import config
from polyseme.probes.base import MAX_LABELS, Probed, Rows
from polyseme.probes.common.fitting import Steps, descend
from polyseme.probes.common.spans import BLOCK, Items, Spans
from polyseme.tasks.families.base import Family
from polyseme.tasks.families.span_pair import Family as SpanPair
from polyseme.training.options import Positive, Rate


@config
class Config(Steps):
    """Values of conf/probe/edge.yaml."""

    epochs: Positive = 6
    """Passes over the training items, at least."""
    min_steps: Positive = 400
    """Optimizer steps, at least: small tasks get more passes."""
    batch_size: Positive = 64
    """Items of an optimizer step."""
    lr: Rate = 0.003
    """First learning rate of Adam; falls to 0 along a cosine."""
    projection: Positive = 64
    """P."""
    hidden: Positive = 64
    """H."""
    max_items: Positive = 10_000
    """Most training items: a random choice, the same for all representations."""
    max_words: Positive = 16
    """Most words of a span; of a longer one the last ones are read."""


def suits(family: Family) -> bool:
    """Labels of one or two spans."""
    return isinstance(family, SpanPair)


def measure(options: Config, probed: Probed) -> Rows:
    """Rows of every probe and seed: accuracy, and what the scores of all layers say."""
    if len(probed.task.labels) > MAX_LABELS:
        return
    train, test = (Items(probed, name, max_words=options.max_words) for name in ("train", "test"))
    known = train.spans(train.chosen(options.max_items, options.max_gib))
    tops = [layer for layer in range(probed.num_layers) for _ in probed.seeds]
    seeds = [*probed.seeds] * probed.num_layers
    probe = Probe(options, known, tops, seeds, len(probed.task.labels))
    probe.fit(options, known)
    accuracy_X = probe.accuracy(test.blocks()).tolist()
    common = {"split": "test", "control": False}
    common |= {"train_size": len(known.gold_N), "num_items": len(test.labels)}
    scores: dict[int, list[float]] = {seed: [] for seed in probed.seeds}
    for top, seed, value in zip(tops, seeds, accuracy_X, strict=True):
        scores[seed].append(value)
        row = {**common, "seed": seed, "metric": "accuracy", "value": value}
        yield row | {"layer": str(top), "variant": "cumulative"}
    if probed.num_layers > 1:
        shares_XL = probe.shares().tolist()[-len(probed.seeds) :]
        for seed, shares_L in zip(probed.seeds, shares_XL, strict=True):
            for metric, found in summary(scores[seed], shares_L, len(test.labels)).items():
                yield {**common, "seed": seed, "layer": "mix", "metric": metric, "value": found}


def summary(
    scores: Sequence[float], shares_L: Sequence[float], num_items: int
) -> Mapping[str, float]:
    """Accuracy of all layers, centre of gravity and, where scores rise, the expected layer.

    A rise within two standard errors of the items is none: the expected layer divides by it.
    """
    gravity = float(np.dot(np.arange(len(shares_L)), shares_L))
    found = {"accuracy": scores[-1], "centre_of_gravity": gravity}
    gains = np.diff(scores)
    error = math.sqrt(sum(share * (1 - share) for share in (scores[0], scores[-1])) / num_items)
    if gains.sum() > 2 * error:
        found["expected_layer"] = float(np.dot(np.arange(1, len(scores)), gains) / gains.sum())
    return found


class Probe:
    """Weights of X probes side by side.

    Args:
        tops: last layer that each probe may use.
        seeds: of the first weights of each.
    """

    def __init__(
        self,
        options: Config,
        train: Spans,
        tops: Sequence[int],
        seeds: Sequence[int],
        num_labels: int,
    ) -> None:
        layers, _, num_spans, _, dim = train.h_LNQSD.shape
        sides = (1, 2, 3)
        self.mean_L1D = train.h_LNQSD.sum(sides)[:, None] / train.mask_NQS.sum()
        self.scale_L11 = _deviation(train, self.mean_L1D).clamp(min=1e-6)[:, None, None]
        device = train.h_LNQSD.device
        self.allowed_XL = (torch.arange(layers) <= torch.tensor(tops)[:, None]).to(device)
        p, h = options.projection, options.hidden
        shapes = {
            "project": (num_spans, dim, p), "attend": (num_spans, p, 1),
            "hidden": (num_spans * p, h), "out": (h, num_labels),
        }  # fmt: skip
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.weights = {
            name: torch.stack([_start(shape, g) for g in generators])
            for name, shape in shapes.items()
        }
        zeros = {"mix": (layers,), "gamma": (1,), "hidden_bias": (h,), "out_bias": (num_labels,)}
        self.weights |= {name: torch.zeros(len(seeds), *shape) for name, shape in zeros.items()}
        self.weights = {name: w.to(device).requires_grad_() for name, w in self.weights.items()}

    def shares(self) -> Tensor:
        """Share of each layer in the mix, XL."""
        masked = self.weights["mix"].masked_fill(~self.allowed_XL, -math.inf)
        return masked.softmax(-1).detach()

    def logits(self, batch: Spans) -> Tensor:
        """Scores XNC."""
        w = self.weights
        x_LNQSD = (batch.h_LNQSD - self.mean_L1D[:, :, None, None]) / self.scale_L11[
            ..., None, None
        ]
        shares_XL = w["mix"].masked_fill(~self.allowed_XL, -math.inf).softmax(-1)
        mixed = ((1 + w["gamma"]) * shares_XL) @ x_LNQSD.flatten(1)
        mixed_XNQSD = mixed.unflatten(1, x_LNQSD.shape[1:])
        p_XQMP = mixed_XNQSD.transpose(1, 2).flatten(2, 3) @ w["project"]
        size, longest = batch.mask_NQS.shape[0], batch.mask_NQS.shape[2]
        p_XQNSP = p_XQMP.unflatten(2, (size, longest))
        attend_XQNS = (p_XQMP @ w["attend"])[..., 0].unflatten(2, (size, longest))
        mask_QNS = batch.mask_NQS.transpose(0, 1)
        attend_XQNS = attend_XQNS.masked_fill(~mask_QNS, -1e9).softmax(-1) * mask_QNS
        pooled_XNQP = (p_XQNSP * attend_XQNS[..., None]).sum(3).transpose(1, 2)
        hidden_XNH = (pooled_XNQP.flatten(2) @ w["hidden"] + w["hidden_bias"][:, None]).relu()
        return hidden_XNH @ w["out"] + w["out_bias"][:, None]

    def fit(self, options: Config, train: Spans) -> None:
        """Train all probes on the same batches, each as if it were alone."""

        def loss(numbers: Tensor) -> Tensor:
            batch = train.chosen(numbers)
            logits_XNC = self.logits(batch)
            gold_XN = batch.gold_N.expand(len(logits_XNC), -1)
            total = F.cross_entropy(logits_XNC.flatten(0, 1), gold_XN.flatten(), reduction="sum")
            return total / len(numbers)

        descend(options, list(self.weights.values()), loss, len(train.gold_N))

    @torch.no_grad()
    def accuracy(self, blocks: Iterable[Spans]) -> Tensor:
        """Share of right labels of each probe, X."""
        right = [
            ((self.logits(block).argmax(-1) == block.gold_N).sum(-1), len(block.gold_N))
            for block in blocks
        ]
        return torch.stack([part for part, _ in right]).sum(0).double() / sum(n for _, n in right)


def _deviation(train: Spans, mean_L1D: Tensor) -> Tensor:
    """Root of the mean squared distance to the mean over words and dimensions, L."""
    squares = []
    for numbers in torch.arange(len(train.gold_N)).split(BLOCK):
        part = train.chosen(numbers)
        centred = (part.h_LNQSD - mean_L1D[:, :, None, None]) * part.mask_NQS[..., None]
        squares.append(centred.square().sum((1, 2, 3, 4)))
    total_L = torch.stack(squares).sum(0)
    return (total_L / (train.mask_NQS.sum() * mean_L1D.shape[-1])).sqrt()


def _start(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Deviation 1 / sqrt(inputs)."""
    return torch.randn(*shape, generator=generator) / shape[-2] ** 0.5
