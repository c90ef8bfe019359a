"""Which state of a run is kept: the one that is best on the validation split."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from torch import Tensor

State = Mapping[str, Tensor]


class Selection:
    """The best state so far; the first of equals.

    Args:
        score: of the predictions on the validation split; higher is better.
        patience: looks without a better state after which a run is over; 0: never.

    Attributes:
        state: of the best look; None before the first.
        looks: score of each look.
    """

    def __init__(self, score: Callable[[np.ndarray], float], patience: int) -> None:
        self.score, self.patience = score, patience
        self.state: State | None = None
        self.looks: list[float] = []
        self._best = 0

    def look(self, predicted_N: np.ndarray, state: Callable[[], State]) -> None:
        """Note a score, and the state if it is the best one."""
        self.looks.append(self.score(predicted_N))
        if self.state is None or self.looks[-1] > self.looks[self._best]:
            self._best, self.state = len(self.looks) - 1, state()

    @property
    def is_over(self) -> bool:
        """Whether there is no patience left."""
        return bool(self.patience) and len(self.looks) - 1 - self._best >= self.patience
