"""Which lines of scores.json cannot be told apart, each pair by itself (p is not corrected)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import combinations

from polyseme.reporting.collect import Evidence
from polyseme.reporting.measurements import Measurements
from polyseme.reporting.outcomes import TaskOutcomes
from polyseme.reporting.rankings import outcomes
from polyseme.stats.differences import Difference, verdict
from polyseme.stats.ranking import by_seeds

MOST_PAIRS = 50_000
"""Beyond them intervals have to do: a pair costs a millisecond and a place in the page."""
Line = tuple[str, str, int | None]
"""System, strategy and number of labels."""


def ties(
    evidence: Evidence, by_task: Mapping[str, Measurements], places: Mapping[tuple[str, Line], int]
) -> list[list[int]] | None:
    """Pairs of lines of the same task; None where there are too many to compare.

    Args:
        by_task: final scores of each task.
        places: task and line -> its number.
    """
    groups = {task: rows.by("system", "strategy", "train_size") for task, rows in by_task.items()}
    if sum(len(lines) * (len(lines) - 1) // 2 for lines in groups.values()) > MOST_PAIRS:
        return None
    found = []
    for task, lines in groups.items():
        compare = _Compare(lines, partial(outcomes, evidence, task, by_task[task]))
        for pair in combinations(lines, 2):
            difference = compare(*pair)
            if verdict(difference, difference.p if difference else None) == "tie":
                found.append([places[task, line] for line in pair])
    return found


class _Compare:
    """Two lines: by items where both were kept, else by seeds."""

    def __init__(
        self,
        lines: Mapping[Line, Measurements],
        kept: Callable[[int | None], TaskOutcomes | None],
    ) -> None:
        self.by_seed = {line: rows.by_seed() for line, rows in lines.items()}
        self.kept, self.most = kept, dict[tuple[str, str], int]()
        for system, strategy, size in lines:
            key = system, strategy
            self.most[key] = max(self.most.get(key, 0), size or 0)

    def __call__(self, first: Line, second: Line) -> Difference | None:
        pair = first[:2], second[:2]
        is_most = all(self.most[line[:2]] == (line[2] or 0) for line in (first, second))
        kept = self.kept(None) if is_most else None
        if not is_most and first[2] == second[2]:
            kept = self.kept(first[2])
        if kept and (found := kept.compare(*pair)) is not None:
            return found
        return by_seeds(self.by_seed[first], self.by_seed[second])
