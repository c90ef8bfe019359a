"""Feature extraction as the ELMo paper did it: a BiLSTM of the task reads the frozen vectors.

Peters et al. 2018, section 3.3. A static representation so gets context from the task's own labels,
which a linear head cannot give it.
"""

from __future__ import annotations

from polyseme.config import config
from polyseme.strategies import base, frozen
from polyseme.training.options import Positive
from polyseme.transfer.head import HeadOptions


@config
class Config(base.StrategyOptions):
    """Values of conf/strategy/frozen_bilstm.yaml."""

    lstm_dim: Positive = 64
    """Hidden dimensions of each direction."""


class Strategy(frozen.Strategy):
    """Train a BiLSTM and the head."""

    def __init__(self, options: Config) -> None:
        self.options: Config = options

    @property
    def head(self) -> HeadOptions:
        """See Strategy."""
        return HeadOptions(dropout=self.options.dropout, lstm_dim=self.options.lstm_dim)
