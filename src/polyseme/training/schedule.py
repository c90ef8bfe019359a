"""Learning-rate schedules as a function of progress through the budget, 0 to 1.

Cosine: Loshchilov & Hutter 2017. Trapezoid (warm-up, constant, linear cooldown): Haegele et al.
2024; its constant part does not depend on where the end is.
"""

from __future__ import annotations

import math

from polyseme.training.options import TrainingOptions


def factor(progress: float, options: TrainingOptions) -> float:
    """Multiple of the peak rate at `progress` in 0..1."""
    if progress < options.warmup:
        return progress / options.warmup
    return SHAPES[options.schedule](progress, options)


def _cosine(progress: float, options: TrainingOptions) -> float:
    done = (progress - options.warmup) / (1 - options.warmup)
    return 0.5 * (1 + math.cos(math.pi * done))


def _trapezoid(progress: float, options: TrainingOptions) -> float:
    if options.cooldown == 0:
        return 1.0
    return min(1.0, (1 - progress) / options.cooldown)


SHAPES = {"cosine": _cosine, "trapezoid": _trapezoid}
