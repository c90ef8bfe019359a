"""Tests and intervals of the report on data whose truth is known.

Eight systems answer N items with S seeds. An item is right where the ability of the system plus its
seed's luck beats the item's difficulty, which all seeds share; so the same items are right again
and again, as in real predictions. Under the null all have the same ability. Counted in each world,
for one pair of systems that was fixed beforehand: how often p is below 5, 1 and 0.1 %, by the
report's test, by exchanging items and by seeds alone; and how often the interval holds the true
difference. For all systems: in how many tables anything is called worse than the best (`families`),
which should be one of twenty at most. `within`: the rate at 5 % lies within the binomial interval
of 95 % around it; `not_above`: it is not above that. `uneven`: spread of luck over systems.
Exchanging items is exact in worlds without luck of the seed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.stats import binom

from benchmarks import _report
from polyseme.reporting.outcomes import Cell, TaskOutcomes
from polyseme.stats import additive
from polyseme.stats.ranking import by_seeds, rank

TRIALS, DRAWS, LEVEL, SYSTEMS = 1_000, 500, 0.05, 8
TAILS = (0.05, 0.01, 0.001)


class World(NamedTuple):
    """Seeds, items, spread of luck over seeds, of that over systems; gain of the first system."""

    seeds: int
    items: int
    luck: float
    uneven: float = 0.0
    gain: float = 0.0


WORLDS = (
    World(3, 400, 0.0),
    World(5, 400, 0.0),
    World(3, 400, 0.1),
    World(3, 400, 0.3),
    World(3, 400, 0.3, uneven=0.7),
    World(5, 400, 0.3, uneven=0.7),
    World(3, 1500, 0.3),
    World(5, 400, 0.3, gain=0.5),
    World(3, 400, 0.0, gain=0.5),
)


def main(trials: int = TRIALS) -> None:
    _report.write("stats_calibration", [_row(world, trials) for world in WORLDS], trials=trials)


def _row(world: World, trials: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    truth = (
        float(np.mean([_gap(_answers(world, rng)) for _ in range(4_000)])) if world.gain else 0.0
    )
    found = np.array([_trial(world, rng, truth) for _ in range(trials)])
    p, by_items, by_seeds, covered, worse = found.T
    low, high = (end / trials for end in binom.interval(0.95, trials, LEVEL))
    row: dict[str, Any] = world._asdict()
    for tail in TAILS:
        row[f"at_{tail}"] = "" if world.gain else round(float((p <= tail).mean()), 4)
    for name, values in (("by_items", by_items), ("by_seeds", by_seeds)):
        row[name] = "" if world.gain else round(float((values <= LEVEL).mean()), 3)
    row["families"] = "" if world.gain else round(float(worse.mean()), 3)
    row["covered"] = round(float(covered.mean()), 3)
    missed = float(1 - covered.mean()) if world.gain else float((p <= LEVEL).mean())
    return row | {"within": bool(low <= missed <= high), "not_above": bool(missed <= high)}


def _answers(world: World, rng: np.random.Generator) -> np.ndarray:
    """Whether each system is right, right_ASN."""
    seeds, items = world.seeds, world.items
    ability = np.zeros((SYSTEMS, 1, 1))
    ability[0] = world.gain
    spread = world.luck * np.exp(rng.normal(0, world.uneven, (SYSTEMS, 1, 1)))
    luck = rng.normal(0, 1, (SYSTEMS, seeds, 1)) * spread
    peculiar = rng.normal(0, 1, (SYSTEMS, 1, items))
    difficulty = rng.logistic(-0.8, 1.5, items)
    noise = rng.normal(0, 0.5, (SYSTEMS, seeds, items))
    right: np.ndarray = ability + luck + peculiar + noise > difficulty
    return right


def _gap(right_ASN: np.ndarray) -> float:
    means = right_ASN.mean((1, 2))
    return float(means[0] - means[1])


def _trial(world: World, rng: np.random.Generator, truth: float) -> tuple[float, ...]:
    """p of the first pair in three ways, whether its interval covers, whether any is worse."""
    right_ASN = _answers(world, rng)
    item_N, num = np.arange(world.items), world.items
    cells = {
        (f"{n}", "full"): Cell("all", {s: additive.accuracy(right, item_N, num)
                                       for s, right in enumerate(of)})
        for n, of in enumerate(right_ASN)
    }  # fmt: skip
    task = TaskOutcomes(cells, draws=DRAWS)
    found = task.compare(("0", "full"), ("1", "full"), permute=True)
    scores = {n: {s: of.value for s, of in cell.of_seed.items()} for (n, _), cell in cells.items()}
    alone = by_seeds(scores["0"], scores["1"])
    ranking = rank(scores, compare=lambda a, b: task.compare((a, "full"), (b, "full")))
    assert found is not None and found.low is not None and found.high is not None
    assert alone is not None and alone.p is not None and found.p is not None
    assert found.p_items is not None
    covers = found.low <= truth <= found.high
    return found.p, found.p_items, alone.p, float(covers), float(bool(ranking.beaten))


if __name__ == "__main__":
    main()
