"""How long to train: progress through a budget of words, steps, epochs or seconds."""

from __future__ import annotations

import math
import time

from polyseme.training.options import TrainingOptions


class Budget:
    """Progress 0..1 through the budget.

    Args:
        options: `budget` and `budget_unit`.
        words_per_step: running words of one optimizer step.
        steps_per_epoch: optimizer steps of one pass over the training text.
    """

    def __init__(
        self, options: TrainingOptions, *, words_per_step: float, steps_per_epoch: float
    ) -> None:
        self.clock = options.budget_unit == "seconds"
        size = {"words": 1 / words_per_step, "steps": 1.0, "epochs": steps_per_epoch}
        self.limit = options.budget
        if not self.clock:
            self.limit = math.ceil(options.budget * size[options.budget_unit] - 1e-9)
        self.seconds_before = 0.0
        self._started = time.monotonic()

    @property
    def num_steps(self) -> int | None:
        """Optimizer steps; None where only the clock tells."""
        return None if self.clock else int(self.limit)

    def start(self, seconds_before: float) -> None:
        """Start the clock, after `seconds_before` in earlier attempts."""
        self.seconds_before, self._started = seconds_before, time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds trained so far, earlier attempts included."""
        return self.seconds_before + time.monotonic() - self._started

    def progress(self, step: float) -> float:
        """Share of the budget that is used up before step `step`."""
        used = self.seconds if self.clock else step
        return min(1.0, used / self.limit) if self.limit else 1.0

    def done(self, step: int) -> bool:
        """Whether no step is left."""
        return self.progress(step) >= 1.0
