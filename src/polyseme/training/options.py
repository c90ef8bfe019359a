"""Options that every pre-trained language model has: batch, budget, optimizer, schedule."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from polyseme.config import config

Positive = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Portion = Annotated[float, Field(ge=0, lt=1)]


@config
class TrainingOptions:
    """How a language model is pre-trained; a model's Config adds the network to it."""

    batch_size: Positive = 16
    """Rows of one optimizer step, over all devices."""
    sequence_length: Annotated[int, Field(ge=8)] = 64
    """Subword tokens of a row in pre-training."""
    budget: Annotated[float, Field(ge=0)] = 1_000_000
    """How long to train, in `budget_unit`; 0 leaves the random weights."""
    budget_unit: Literal["words", "steps", "epochs", "seconds"] = "words"
    """`words` counts running words seen, repetitions included. `seconds` is not reproducible."""
    optimizer: Literal["adamw", "muon", "ntasgd"] = "muon"
    """muon: Muon for hidden matrices, AdamW for embeddings, heads, norms and biases. ntasgd: SGD
    that averages its weights when validation stops improving; wants a constant rate."""
    lr: Rate = 3e-3
    """Peak learning rate of AdamW and NT-ASGD."""
    muon_lr: Rate = 0.02
    """Peak learning rate of Muon."""
    ntasgd_patience: Positive = 5
    """NT-ASGD averages when a validation is worse than the best of those so many before it."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    """Decoupled weight decay of matrices."""
    schedule: Literal["cosine", "trapezoid"] = "trapezoid"
    """Shape of the learning rate after warm-up."""
    warmup: Portion = 0.02
    """Fraction of the budget in which the rate rises linearly."""
    cooldown: Fraction = 0.4
    """Fraction of the budget in which a trapezoid falls linearly to 0."""
    gradient_clip: Rate = 1.0
    """Largest norm of the gradient."""
    num_validations: Positive = 10
    """Evaluations on held-out text, spread evenly."""
    validation_rows: Positive = 512
    """Rows of held-out text in each; fewer where there are fewer."""

    @model_validator(mode="after")
    def _schedule_fits(self) -> TrainingOptions:
        if self.schedule == "trapezoid" and self.warmup + self.cooldown > 1:
            raise ValueError("warmup + cooldown <= 1")
        return self
