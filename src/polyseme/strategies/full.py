"""Full fine-tuning: pre-trained weights, all of them learn (Devlin et al. 2019)."""

from __future__ import annotations

from polyseme.config import config
from polyseme.strategies.base import EncoderOptions, WholeModel


@config
class Config(EncoderOptions):
    """Values of conf/strategy/full.yaml."""


class Strategy(WholeModel):
    """Start from the pre-trained weights."""

    def __init__(self, options: Config) -> None:
        self.options = options
