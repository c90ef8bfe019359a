"""A transfer strategy: where the weights start, which of them learn, and how fast.

Every strategy puts the same head on a static and on a contextualized representation (head.py).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Any

from pydantic import Field
from torch import nn

from polyseme.config import config
from polyseme.models.base import Representation
from polyseme.training.options import Portion, Positive, Rate


@config
class StrategyOptions:
    """Values that every strategy has."""

    epochs: Positive
    """Passes over the training items; the last state is evaluated, none is chosen."""
    min_steps: Positive = 1
    """Optimizer steps, at least: few labels get more passes."""
    batch_size: Positive
    """Items of an optimizer step."""
    head_lr: Rate
    """Peak learning rate of the head."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    """Decoupled weight decay."""
    warmup: Portion = 0.1
    """Fraction of the steps in which the rate rises; then it falls linearly to 0."""
    dropout: Portion = 0.1
    """On the vectors that the head reads."""


@config
class EncoderOptions(StrategyOptions):
    """Values of a strategy that trains the representation, too."""

    encoder_lr: Rate
    """Peak learning rate of the representation."""


class Strategy(ABC):
    """What `transfer.finetune` asks of a strategy."""

    options: StrategyOptions
    trains_encoder: bool
    """Whether the weights of the representation learn."""
    pretrained = True
    """Whether it starts from what pre-training learned."""

    @abstractmethod
    def start(self, representation: Representation, seed: int) -> None:
        """Bring freshly loaded weights to where training starts."""

    @abstractmethod
    def groups(self, representation: Representation, head: nn.Module) -> list[dict[str, Any]]:
        """Parameter groups for the optimizer, each with its peak `lr`."""


class WholeModel(Strategy):
    """Base of the strategies that train representation and head together."""

    options: EncoderOptions
    trains_encoder = True

    def groups(self, representation: Representation, head: nn.Module) -> list[dict[str, Any]]:
        """The representation at its rate, the head at its own."""
        return [
            {"params": list(representation.parameters()), "lr": self.options.encoder_lr},
            {"params": list(head.parameters()), "lr": self.options.head_lr},
        ]
