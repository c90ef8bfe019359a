"""Paired tests for a matrix of 10 systems and 12 tasks with 5 seeds and 10,000 draws.

Each system is compared with the best of its task: interval over seeds and items by bootstrap,
permutation of items, McNemar's test. Macro F1 of 8 labels over 1,000 items; limit: 30 seconds on
two cores.
"""

from __future__ import annotations

import resource
import time

import numpy as np

from benchmarks import _report
from polyseme.reporting.outcomes import Cell, TaskOutcomes
from polyseme.stats import additive

SYSTEMS, TASKS, SEEDS, ITEMS, LABELS, DRAWS = 10, 12, 5, 1_000, 8, 10_000
LIMIT = 30.0


def main() -> None:
    rng = np.random.default_rng(0)
    tasks = [_task(rng) for _ in range(TASKS)]
    started, compared = time.perf_counter(), 0
    for task in tasks:
        best, *others = sorted(task.cells, key=lambda key: key[0])
        for other in others:
            found = task.compare(best, other, permute=True)
            assert found is not None and found.p is not None and found.p_mcnemar is not None
            compared += 1
    seconds = time.perf_counter() - started
    row = {
        "systems": SYSTEMS,
        "tasks": TASKS,
        "seeds": SEEDS,
        "items": ITEMS,
        "draws": DRAWS,
        "comparisons": compared,
        "seconds": round(seconds, 1),
        "limit": LIMIT,
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    }
    _report.write("stats_speed", [row])


def _task(rng: np.random.Generator) -> TaskOutcomes:
    gold_N, item_N = rng.integers(LABELS, size=ITEMS), np.arange(ITEMS)
    cells = {}
    for number in range(SYSTEMS):
        of_seed, right = {}, {}
        for seed in range(SEEDS):
            right_N = rng.random(ITEMS) < 0.9 - 0.03 * number
            wrong_N = (gold_N + rng.integers(1, LABELS, ITEMS)) % LABELS
            predicted_N = np.where(right_N, gold_N, wrong_N)
            of_seed[seed] = additive.macro_f1(gold_N, predicted_N, item_N, ITEMS, LABELS)
            right[seed] = right_N
        cells[f"system {number}", "full"] = Cell("all", of_seed, right)
    return TaskOutcomes(cells, draws=DRAWS)


if __name__ == "__main__":
    main()
