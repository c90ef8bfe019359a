"""Feature extraction: pre-trained weights stay as they are, the head learns (Peters et al. 2018).

The head reads a learned scalar mix of all layers. Since vectors do not change, each sentence is
encoded once for all seeds and label budgets.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from polyseme.config import config
from polyseme.models.base import Representation
from polyseme.strategies import base


@config
class Config(base.StrategyOptions):
    """Values of conf/strategy/frozen.yaml."""


class Strategy(base.Strategy):
    """Train the head alone."""

    trains_encoder = False

    def __init__(self, options: Config) -> None:
        self.options = options

    def start(self, representation: Representation, seed: int) -> Representation:
        """The weights are the pre-trained ones, and stay so."""
        return representation.requires_grad_(False)

    def groups(self, representation: Representation, head: nn.Module) -> list[dict[str, Any]]:
        """The head."""
        return [{"params": list(head.parameters()), "lr": self.options.head_lr}]
