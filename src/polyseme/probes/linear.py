"""Linear probe: multinomial logistic regression on frozen vectors (Alain & Bengio 2017).

Beside the full one there may be probes of bounded rank (Hewitt & Liang 2019, section 4): the weight
matrix is a product of a D x r and an r x C matrix. A low rank that suffices says that few
directions hold what is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from polyseme.config import config
from polyseme.probes.base import ProbeData
from polyseme.probes.common.classifier import predict as predicted
from polyseme.probes.common.fitting import Fitting, Sizes
from polyseme.probes.common.nets import Hidden, Linear, Net, Size


@config
class Config(Fitting):
    """Values of conf/probe/linear.yaml."""

    ranks: Sizes = ()
    """Bounded ranks that are fitted beside the full one."""


def predict(options: Config, data: ProbeData) -> dict[int | None, Tensor]:
    """Label numbers labels_LVM by rank; None is the full one."""

    def make(size: Size, device: torch.device) -> Mapping[int | None, Net]:
        nets: dict[int | None, Net] = {None: Linear(size, device)}
        for rank in options.ranks:
            nets[rank] = Hidden(size, rank, device, linear=True)
        return nets

    return predicted(options, data, make)
