"""Training: batches, optimizers, schedules, budgets, exact resume."""
