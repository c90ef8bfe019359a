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
from polyseme.transfer.head import HeadOptions

NotNegative = Annotated[int, Field(ge=0)]


@config
class StrategyOptions:
    """Values that every strategy has."""

    epochs: Positive
    """Passes over the training items."""
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
    num_validations: NotNegative = 4
    """Looks at the validation split, at ends of epochs and spread evenly: the best state is kept.
    0: the last state is evaluated, and nothing is chosen."""
    patience: NotNegative = 0
    """Stop after so many looks without a better one; 0: never."""


@config
class EncoderOptions(StrategyOptions):
    """Values of a strategy that trains the representation, too."""

    encoder_lr: Rate
    """Peak learning rate of the representation."""


class Strategy(ABC):
    """What fine-tuning asks of a strategy."""

    options: StrategyOptions
    trains_encoder: bool
    """Whether gradients go into the representation."""
    pretrained = True
    """Whether it starts from what pre-training learned."""
    has_partner = False
    """Whether it reads two representations: it then runs in the stage `stack`."""

    @property
    def head(self) -> HeadOptions:
        """What is put on the representation."""
        return HeadOptions(dropout=self.options.dropout)

    def refuses(self, representation: Representation) -> str | None:
        """Why it makes no sense for a representation; None where it does."""
        return None

    def tunes(self, representation: Representation) -> tuple[int, float] | None:
        """Passes and peak rate of training its language model on the task's text, before all."""
        return None

    @abstractmethod
    def start(self, representation: Representation, seed: int) -> Representation:
        """Bring freshly loaded weights to where training starts, and say which of them learn.

        Returns:
            What is trained: the same object, or one around it.
        """

    @abstractmethod
    def groups(self, representation: Representation, head: nn.Module) -> list[dict[str, Any]]:
        """Parameter groups for the optimizer, each with its peak `lr`.

        A group may have a `depth`: the layer that it is, counted from the input; that of the head
        is the number of layers. Groups without one always learn.
        """

    def least_epochs(self, num_depths: int) -> int:
        """Passes that its plan needs, for so many layers below the head."""
        return 1

    def learns(self, depth: int, num_depths: int, done: float) -> bool:
        """Whether a layer learns in the epoch that begins when `done` of all epochs are done."""
        return True

    def rate(self, done: float) -> float:
        """Part of the peak rate when `done` of all steps are done: linear warm-up and decay."""
        warmup = self.options.warmup
        return done / warmup if done < warmup else (1 - done) / (1 - warmup)


class WholeModel(Strategy):
    """Base of the strategies that train representation and head together."""

    options: EncoderOptions
    trains_encoder = True

    def start(self, representation: Representation, seed: int) -> Representation:
        """Everything learns, from the pre-trained weights."""
        return representation.requires_grad_(True)

    def groups(self, representation: Representation, head: nn.Module) -> list[dict[str, Any]]:
        """The representation at its rate, the head at its own."""
        return [
            {"params": list(representation.parameters()), "lr": self.options.encoder_lr},
            {"params": list(head.parameters()), "lr": self.options.head_lr},
        ]
