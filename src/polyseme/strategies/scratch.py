"""No transfer: the same architecture from random weights, all of them learn.

What pre-training is worth is the distance from here.
"""

from __future__ import annotations

from polyseme.config import config
from polyseme.models.base import Representation
from polyseme.strategies.base import EncoderOptions, WholeModel


@config
class Config(EncoderOptions):
    """Values of conf/strategy/scratch.yaml."""


class Strategy(WholeModel):
    """Start from random weights."""

    pretrained = False

    def __init__(self, options: Config) -> None:
        self.options = options

    def start(self, representation: Representation, seed: int) -> Representation:
        """Forget what was learned; everything learns."""
        representation.reset(seed)
        return super().start(representation, seed)
