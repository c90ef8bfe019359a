"""What fine-tuning costs the language model, from the looks that were taken while it ran."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

Look = Mapping[str, Any]
"""A row of forgetting.parquet, with `system`."""


class Curve(NamedTuple):
    """One representation with one strategy, in the mean over tasks.

    Attributes:
        start: bits per byte before the first step.
        done: share of fine-tuning, 0 to 1.
        rise: bits per byte above the start.
        worst: task with the highest end.
        worst_rise: its rise.
    """

    system: str
    strategy: str
    start: float
    done: list[float]
    rise: list[float]
    worst: str
    worst_rise: float


def curves(looks: Sequence[Look]) -> list[Curve]:
    """One for each strategy and representation, in the order of the looks."""
    runs: dict[tuple[str, str], dict[str, list[Look]]] = {}
    for look in looks:
        tasks = runs.setdefault((look["system"], look["strategy"]), {})
        tasks.setdefault(look["task"], []).append(look)
    return [_curve(*key, tasks) for key, tasks in runs.items()]


def _curve(system: str, strategy: str, tasks: Mapping[str, Sequence[Look]]) -> Curve:
    """Mean over tasks; those with fewer looks are read between theirs."""
    most = max(len(looks) for looks in tasks.values())
    done = np.linspace(0, 1, most)
    rises = {}
    for task, looks in tasks.items():
        epochs = np.array([look["epoch"] for look in looks], dtype=float)
        bits = np.array([look["bits_per_byte"] for look in looks])
        rises[task] = np.interp(done, epochs / max(1.0, epochs[-1]), bits - bits[0])
    worst = max(rises, key=lambda task: float(rises[task][-1]))
    return Curve(
        system,
        strategy,
        float(np.mean([looks[0]["bits_per_byte"] for looks in tasks.values()])),
        done.tolist(),
        np.mean(list(rises.values()), axis=0).tolist(),
        worst,
        float(rises[worst][-1]),
    )
