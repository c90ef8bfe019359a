"""Feature extraction from two representations at once: static beside contextual vectors, frozen.

Peters et al. 2018 put their vectors beside those that a task's model had already; Akbik et al. 2018
call it stacking. What it adds to `frozen` of the contextual one is what its layers have lost of the
word itself.
"""

from __future__ import annotations

from polyseme.config import config
from polyseme.models.base import Representation
from polyseme.models.common.stacked import Stacked
from polyseme.strategies import base, frozen


@config
class Config(base.StrategyOptions):
    """Values of conf/strategy/stack.yaml."""

    partner: str
    """Selected representation whose vectors stand beside; the stage `stack` loads it."""
    models: tuple[str, ...]
    """Selected representations beside whose vectors they stand; all language models if not set."""


class Strategy(frozen.Strategy):
    """Train the head alone, on both."""

    has_partner = True

    def __init__(self, options: Config) -> None:
        self.options: Config = options

    def refuses(self, representation: Representation) -> str | None:
        """Only what is stacked already."""
        return None if isinstance(representation, Stacked) else "needs a partner"
