"""Probe with one hidden layer of ReLU units (Hewitt & Liang 2019): how much does width buy?

A wide one finds more, and memorises more: compare its selectivity with that of the linear probe.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from polyseme.config import config
from polyseme.probes.base import ProbeData
from polyseme.probes.common.classifier import predict as predicted
from polyseme.probes.common.fitting import Fitting, Sizes
from polyseme.probes.common.nets import Hidden, Net, Size
from polyseme.training.options import Rate


@config
class Config(Fitting):
    """Values of conf/probe/mlp.yaml."""

    lr: Rate = 0.005
    """First learning rate of Adam; falls to 0 along a cosine."""
    widths: Annotated[Sizes, Field(min_length=1)] = (16, 64)
    """Hidden units; one probe each."""


def predict(options: Config, data: ProbeData) -> dict[int, Tensor]:
    """Label numbers labels_LVM by width."""

    def make(size: Size, device: torch.device) -> Mapping[int, Net]:
        return {width: Hidden(size, width, device, linear=False) for width in options.widths}

    return predicted(options, data, make)
