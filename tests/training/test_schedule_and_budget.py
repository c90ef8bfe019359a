"""Learning-rate shapes and budgets."""

from __future__ import annotations

import pytest

from polyseme.training.budget import Budget
from polyseme.training.options import TrainingOptions
from polyseme.training.schedule import factor


@pytest.mark.parametrize("schedule", ["cosine", "trapezoid"])
def test_a_rate_rises_to_its_peak_and_ends_at_zero(schedule: str) -> None:
    options = TrainingOptions(schedule=schedule, warmup=0.1, cooldown=0.3)
    assert factor(0.05, options) == pytest.approx(0.5)
    assert factor(0.1, options) == pytest.approx(1.0)
    assert factor(1.0, options) == pytest.approx(0.0, abs=1e-9)
    falling = [factor(x / 100, options) for x in range(10, 101)]
    assert falling == sorted(falling, reverse=True)


def test_a_trapezoid_is_flat_until_the_cooldown() -> None:
    options = TrainingOptions(schedule="trapezoid", warmup=0.1, cooldown=0.3)
    assert factor(0.69, options) == 1.0
    assert factor(0.85, options) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("unit", "budget", "steps"),
    [("words", 1000, 20), ("words", 1001, 21), ("steps", 7, 7), ("epochs", 2, 24), ("words", 0, 0)],
)
def test_a_budget_is_counted_in_its_unit(unit: str, budget: float, steps: int) -> None:
    options = TrainingOptions(budget=budget, budget_unit=unit)
    made = Budget(options, words_per_step=50, steps_per_epoch=12)
    assert made.num_steps == steps
    assert made.done(steps)
    assert steps == 0 or not made.done(steps - 1)


def test_a_budget_in_seconds_counts_earlier_attempts() -> None:
    options = TrainingOptions(budget=1000, budget_unit="seconds")
    made = Budget(options, words_per_step=50, steps_per_epoch=12)
    assert made.num_steps is None
    made.start(900)
    assert 0.9 <= made.progress(0) < 0.92
    made.start(1001)
    assert made.done(0)
