"""Tests and intervals of the report on data whose truth is known.

Two systems answer N items with S seeds. An item is right where the ability of the system plus its
seed's luck beats the item's difficulty, which all seeds share; so the same items are right again
and again, as in real predictions. Under the null both have the same ability. Counted in each world:
how often p is below 5 %, and how often the interval holds the true difference (of the mean over
seeds and items, by simulation). Below stands whether these rates lie within the binomial
interval of 95 % around 5 % (`within`), or at least not above it (`not_above`). Exchanging items is
exact in worlds without luck of the seed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.stats import binom

from benchmarks import _report
from polyseme.stats import additive, resampling
from polyseme.stats.differences import difference

TRIALS, DRAWS, LEVEL = 2_000, 500, 0.05


class World(NamedTuple):
    """Seeds, items, spread of luck over seeds, of items over systems, and within an item."""

    seeds: int
    items: int
    luck: float
    peculiar: float
    noise: float
    gain: float = 0.0


WORLDS = (
    World(3, 400, 0.0, 1.0, 0.5),
    World(5, 400, 0.0, 1.0, 0.5),
    World(3, 400, 0.1, 1.0, 0.5),
    World(3, 400, 0.3, 1.0, 0.5),
    World(5, 400, 0.3, 1.0, 0.5),
    World(3, 1500, 0.3, 1.0, 0.5),
    World(5, 400, 0.3, 1.0, 0.5, gain=0.5),
    World(3, 400, 0.0, 1.0, 0.5, gain=0.5),
)


def main(trials: int = TRIALS) -> None:
    _report.write("stats_calibration", [_row(world, trials) for world in WORLDS], trials=trials)


def _row(world: World, trials: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    truth = float(np.mean([_gap(_answers(world, rng)) for _ in range(4_000)]))
    found = [_trial(world, rng, truth) for _ in range(trials)]
    rejected, covered, by_items, by_seeds = (float(rate) for rate in np.mean(found, axis=0))
    low, high = (end / trials for end in binom.interval(0.95, trials, LEVEL))
    missed = 1 - covered if world.gain else rejected
    row: dict[str, Any] = world._asdict()
    for name, rate in (("rejected", rejected), ("by_items", by_items), ("by_seeds", by_seeds)):
        row[name] = "" if world.gain else round(rate, 3)
    row |= {"covered": round(covered, 3), "within": bool(low <= missed <= high)}
    is_exact = world.luck == 0 and not world.gain
    row |= {
        "not_above": bool(missed <= high),
        "by_items_within": bool(low <= by_items <= high) if is_exact else "",
    }
    return row


def _answers(world: World, rng: np.random.Generator) -> np.ndarray:
    """Whether each system is right, right_ASN for A = 2."""
    seeds, items = world.seeds, world.items
    ability = np.array([world.gain, 0.0])[:, None, None]
    luck = rng.normal(0, world.luck, (2, seeds, 1))
    peculiar = rng.normal(0, world.peculiar, (2, 1, items))
    difficulty = rng.logistic(-0.8, 1.5, items)
    noise = rng.normal(0, world.noise, (2, seeds, items))
    right: np.ndarray = ability + luck + peculiar + noise > difficulty
    return right


def _gap(right_ASN: np.ndarray) -> float:
    means = right_ASN.mean((1, 2))
    return float(means[0] - means[1])


def _trial(world: World, rng: np.random.Generator, truth: float) -> tuple[bool, ...]:
    right_ASN = _answers(world, rng)
    item_N, num = np.arange(world.items), world.items
    cells = [[additive.accuracy(right, item_N, num) for right in of] for of in right_ASN]
    seed = int(rng.integers(2**31))
    draws_ASB = resampling.bootstrap(cells, DRAWS, seed=seed)
    by_seed = [a.value - b.value for a, b in zip(*cells, strict=True)]
    found = difference(by_seed, draws_ASB[0] - draws_ASB[1], num)
    alone = difference(by_seed, None, None)
    null_B = resampling.permuted(*cells, DRAWS, seed=seed)  # type: ignore[misc]
    p_items = resampling.p_value(found.mean, null_B)
    assert found.low is not None and found.high is not None
    assert found.p is not None and alone.p is not None
    return (
        found.p <= LEVEL,
        found.low <= truth <= found.high,
        p_items <= LEVEL,
        alone.p <= LEVEL,
    )


if __name__ == "__main__":
    main()
