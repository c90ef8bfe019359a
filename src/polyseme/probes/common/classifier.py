"""From vectors and labels to the predictions of classifiers of several sizes.

Shapes: L layers, M test units, D dimensions, V labellings, C labels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TypeVar

import torch
from torch import Tensor

from polyseme.probes.base import ProbeData
from polyseme.probes.common.fitting import Fitting, Scale, fit
from polyseme.probes.common.nets import Net, Size

BLOCK = 4096
Key = TypeVar("Key")


def predict(
    options: Fitting, data: ProbeData, make: Callable[[Size, torch.device], Mapping[Key, Net]]
) -> dict[Key, Tensor]:
    """Fit on the training units, predict the test units.

    Args:
        make: the nets, by rank or width.

    Returns:
        Label numbers labels_LVM of each net.
    """
    layers, _, dim = data.train_LND.shape
    scale = Scale.of(data.train_LND)
    nets = make(Size(layers, dim, data.seeds_V, data.num_labels), data.train_LND.device)
    fit(options, list(nets.values()), scale(data.train_LND), data.labels_VN)
    with torch.no_grad():
        return {key: _predicted(net, scale, data) for key, net in nets.items()}


def _predicted(net: Net, scale: Scale, data: ProbeData) -> Tensor:
    found = []
    for at in range(0, data.test_LMD.shape[1], BLOCK):
        logits_LMVC = net(scale(data.test_LMD[:, at : at + BLOCK]))
        if data.allowed_MVC is not None:
            allowed_MVC = data.allowed_MVC[at : at + BLOCK]
            logits_LMVC = logits_LMVC.masked_fill(~allowed_MVC, -math.inf)
        found.append(logits_LMVC.argmax(-1).transpose(1, 2))
    return torch.cat(found, dim=-1)
