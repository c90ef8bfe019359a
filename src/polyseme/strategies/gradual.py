"""Fine-tuning step by step: the recipe of ULMFiT (Howard & Ruder 2018), each part switchable.

1. `lm_epochs`: the language model goes on, on the task's own training text without its labels;
   once for a task, whatever the label budget, as the paper does.
2. `discriminative`: each layer has the rate of the layer above divided by this (2.6 in the paper).
3. `slanted`: the triangular schedule that rises for a tenth of the steps (equation 3).
4. `unfreezing`: `gradual` begins with the head and adds a layer an epoch from the top; `chain_thaw`
   (Felbo et al. 2017) trains the head, then each layer alone from the bottom, then all; `none`.
5. `concat_pooling`: a sentence is its last word, maximum and mean side by side.

Departures: epochs are stretched where there are more than the plan has steps; 2. and 3. hold for
the classifier only, the language model goes on with one rate that falls linearly.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field
from torch import nn

from polyseme.config import config
from polyseme.models.base import Representation
from polyseme.models.common.language_model import LanguageModel
from polyseme.strategies import base
from polyseme.strategies.base import EncoderOptions, NotNegative
from polyseme.training.options import Rate
from polyseme.transfer.head import HeadOptions

RISE, RATIO = 0.1, 32.0
"""Share of the steps in which a slanted triangle rises, and highest over lowest rate."""


@config
class Config(EncoderOptions):
    """Values of conf/strategy/gradual.yaml."""

    lm_epochs: NotNegative = 2
    """Passes of the language model over the task's training text; 0: none."""
    lm_lr: Rate = 5e-4
    """Peak rate of these passes."""
    discriminative: Annotated[float, Field(ge=1)] = 2.6
    """By how much the rate falls from a layer to the one below; 1: it does not."""
    slanted: bool = True
    """Slanted triangular schedule; else linear warm-up and decay."""
    unfreezing: Literal["gradual", "chain_thaw", "none"] = "gradual"
    """Which layers learn when."""
    concat_pooling: bool = True
    """Last word, maximum and mean for a sentence; else its mean."""


class Strategy(base.WholeModel):
    """Start from the pre-trained weights, and let them go one layer after the other."""

    def __init__(self, options: Config) -> None:
        self.options: Config = options

    @property
    def head(self) -> HeadOptions:
        """See Strategy."""
        pooling: Literal["mean", "concat"] = "concat" if self.options.concat_pooling else "mean"
        return HeadOptions(dropout=self.options.dropout, pooling=pooling)

    def refuses(self, representation: Representation) -> str | None:
        """A table has neither layers nor a language model."""
        if representation.num_layers == 1:
            return "has one layer: there is nothing to unfreeze step by step"
        return None

    def tunes(self, representation: Representation) -> tuple[int, float] | None:
        """See Strategy; only what was trained here has its language model with it."""
        if not self.options.lm_epochs or not isinstance(representation, LanguageModel):
            return None
        return self.options.lm_epochs, self.options.lm_lr

    def groups(self, representation: Representation, head: nn.Module) -> list[dict[str, Any]]:
        """One group a layer, slower the lower it is, and the head."""
        options, top = self.options, representation.num_layers
        layers: dict[int, list[nn.Parameter]] = {}
        for name, weight in representation.named_parameters():
            layers.setdefault(representation.depth(name), []).append(weight)
        rates = {d: options.encoder_lr / options.discriminative ** (top - 1 - d) for d in layers}
        head_group = {"params": list(head.parameters()), "lr": options.head_lr, "depth": top}
        return [
            {"params": layers[depth], "lr": rates[depth], "depth": depth}
            for depth in sorted(layers)
        ] + [head_group]

    def least_epochs(self, num_depths: int) -> int:
        """One for each step of the plan."""
        plans = {"gradual": num_depths + 1, "chain_thaw": num_depths + 2, "none": 1}
        return plans[self.options.unfreezing]

    def learns(self, depth: int, num_depths: int, done: float) -> bool:
        """See Strategy: the step of the plan that an epoch belongs to."""
        step = int(done * self.least_epochs(num_depths) + 1e-9)
        if self.options.unfreezing == "gradual":
            return depth >= num_depths - step
        if self.options.unfreezing == "chain_thaw" and step <= num_depths:
            return depth == (step - 1 if step else num_depths)
        return True

    def rate(self, done: float) -> float:
        """Equation 3, or the schedule of all strategies."""
        if not self.options.slanted:
            return super().rate(done)
        part = done / RISE if done < RISE else 1 - (done - RISE) / (1 - RISE)
        return (1 + part * (RATIO - 1)) / RATIO
