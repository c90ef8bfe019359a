"""Linear probe: multinomial logistic regression on frozen vectors (Alain & Bengio 2017).

All layers and all labellings (seeds x real and control) are trained at once: the vectors of a layer
are multiplied with the weights of all its labellings side by side, and all layers in one batched
product, so that the processor sees a few large multiplications instead of many small ones.

Shapes: L layers, N units, D dimensions, V labellings, C labels, b units of a batch.
"""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from polyseme.config import config
from polyseme.draws import philox
from polyseme.probes.base import ProbeData
from polyseme.training.options import Positive, Rate

ORDER_SEED = 0
STREAM = 5


@config
class Config:
    """Values of conf/probe/linear.yaml."""

    epochs: Positive = 12
    """Passes over the training units, at least."""
    min_steps: Positive = 2000
    """Optimizer steps, at least: small tasks get more passes."""
    batch_size: Positive = 512
    """Units of an optimizer step."""
    lr: Rate = 0.02
    """First learning rate of Adam; falls to 0 along a cosine."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """Decoupled weight decay."""
    max_units: Positive = 50_000
    """Most training units: a random choice, the same for all representations."""


def predict(options: Config, data: ProbeData) -> Tensor:
    """Fit on the training units, predict the test units.

    Returns:
        Label numbers labels_LVM.
    """
    mean_L1D = data.train_LND.mean(1, keepdim=True)
    scale_L1D = data.train_LND.std(1, keepdim=True).clamp(min=1e-6)
    train_LND = (data.train_LND - mean_L1D) / scale_L1D
    test_LMD = (data.test_LMD - mean_L1D) / scale_L1D
    weights_LDK, bias_L1K = _fit(options, train_LND, data)
    logits_LMK = torch.baddbmm(bias_L1K, test_LMD, weights_LDK)
    logits_LMVC = logits_LMK.unflatten(-1, (len(data.seeds_V), data.num_labels))
    if data.allowed_MVC is not None:
        logits_LMVC = logits_LMVC.masked_fill(~data.allowed_MVC, -math.inf)
    return logits_LMVC.argmax(-1).transpose(1, 2)


def _fit(options: Config, train_LND: Tensor, data: ProbeData) -> tuple[Tensor, Tensor]:
    """Weights of all labellings side by side: K = V * C columns."""
    weights_LDK, bias_L1K = _start(train_LND, data)
    optimizer = torch.optim.AdamW(
        [weights_LDK, bias_L1K], lr=options.lr, weight_decay=options.weight_decay, fused=True
    )
    num_units = train_LND.shape[1]
    steps_per_epoch = math.ceil(num_units / options.batch_size)
    epochs = max(options.epochs, math.ceil(options.min_steps / steps_per_epoch))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * steps_per_epoch)
    for epoch in range(epochs):
        order = torch.from_numpy(philox(ORDER_SEED, STREAM, epoch).permutation(num_units))
        for chosen in order.split(options.batch_size):
            loss = _loss(weights_LDK, bias_L1K, train_LND[:, chosen], data.labels_VN[:, chosen])
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            schedule.step()
    return weights_LDK.detach(), bias_L1K.detach()


def _start(train_LND: Tensor, data: ProbeData) -> tuple[Tensor, Tensor]:
    layers, _, dim = train_LND.shape
    columns = []
    for seed in data.seeds_V:
        generator = torch.Generator().manual_seed(seed)
        columns.append(torch.randn(1, dim, data.num_labels, generator=generator) / dim)
    start_LDK = torch.cat(columns, dim=-1).repeat(layers, 1, 1)
    bias_L1K = torch.zeros(layers, 1, start_LDK.shape[-1])
    device = train_LND.device
    return start_LDK.to(device).requires_grad_(), bias_L1K.to(device).requires_grad_()


def _loss(weights_LDK: Tensor, bias_L1K: Tensor, x_LbD: Tensor, labels_Vb: Tensor) -> Tensor:
    """Sum over layers and labellings of the mean cross-entropy: each is trained as if alone."""
    logits_LbK = torch.baddbmm(bias_L1K, x_LbD, weights_LDK)
    num_labellings, batch = labels_Vb.shape
    logits_LbVC = logits_LbK.unflatten(-1, (num_labellings, -1))
    targets_LbV = labels_Vb.T.expand(len(x_LbD), batch, num_labellings)
    return (
        F.cross_entropy(logits_LbVC.flatten(0, 2), targets_LbV.flatten(), reduction="sum") / batch
    )
