"""NT-ASGD: SGD that begins to average its weights when validation stops improving.

Merity et al. 2018, algorithm 1: the average starts as soon as a held-out loss is worse than the
best of those that are more than n validations old. Averaged weights are those that are evaluated
and kept; training goes on with the others. The average lies in the optimizer's state, and what
starts it in the history, so that a run that continues from a checkpoint does what an uninterrupted
one does.

Departure: the number of validations is that of the options, spread evenly over the budget.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.optim import Optimizer


class NTASGD(Optimizer):
    """Gradient descent without momentum, averaged from a validation on.

    Args:
        weights: what is trained.
        lr: its rate.
        weight_decay: added to the gradient.
        patience: n, of the rule that starts the average.
    """

    def __init__(
        self, weights: Iterable[nn.Parameter], *, lr: float, weight_decay: float, patience: int
    ) -> None:
        self.patience = patience
        super().__init__(weights, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """Update the weights, and their average if it has begun."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    gradient = weight.grad.add(weight, alpha=group["weight_decay"])
                    weight.add_(gradient, alpha=-group["lr"])
                if state := self.state.get(weight):
                    state["num_averaged"] += 1
                    state["average"].lerp_(weight, float(1 / state["num_averaged"]))

    @torch.no_grad()
    def watch(self, losses: Sequence[float]) -> None:
        """Begin the average at the weights of now, if held-out losses up to now say so."""
        if self.state or not worse(losses, self.patience):
            return
        for weight in self._weights():
            self.state[weight] = {
                "average": weight.detach().clone(),
                "num_averaged": torch.tensor(1.0),
            }

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Averaged weights in the place of the others, if there are some."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def finish(self) -> None:
        """Averaged weights in the place of the others, for good."""
        self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for weight in self._weights():
            if state := self.state.get(weight):
                current = weight.detach().clone()
                weight.copy_(state["average"])
                state["average"].copy_(current)

    def _weights(self) -> list[Tensor]:
        return [weight for group in self.param_groups for weight in group["params"]]


def worse(losses: Sequence[float], patience: int) -> bool:
    """Whether the last loss is worse than the best of those more than `patience` before it."""
    older = losses[: -patience - 1]
    return bool(older) and losses[-1] > min(older)
