"""Test sets that might have been: items drawn anew, or exchanged between two systems.

Items are drawn with replacement (bootstrap, Efron 1979) as weights that all systems share, so that
differences are paired. An exchange swaps what two systems did on an item, in all seeds (permutation
test of paired items; Noreen 1989, Yeh 2000). Weights are drawn in blocks, so memory does not grow
with the number of draws.

Shapes: S seeds, N items, K sums, B draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from polyseme.draws import philox
from polyseme.stats.additive import Additive

BLOCK = 4_000_000
"""Most numbers of one block of weights."""
STREAM_ITEMS, STREAM_SWAPS = 21, 22


def bootstrap(cells: Sequence[Sequence[Additive]], draws: int, *, seed: int = 0) -> np.ndarray:
    """Scores of resampled test sets.

    Args:
        cells: systems, each with one result a seed; all on the same N items.

    Returns:
        scores_ASB for A systems; all systems with as many seeds.
    """
    num_items = len(cells[0][0].counts_NK)

    def weights(rng: np.random.Generator, rows: int) -> np.ndarray:
        chosen_BN = rng.integers(num_items, size=(rows, num_items))
        chosen_BN += np.arange(rows)[:, None] * num_items
        flat = np.bincount(chosen_BN.ravel(), minlength=rows * num_items)
        return flat.reshape(rows, num_items)

    stacked = [_stacked(cell) for cell in cells]
    blocks = []
    for weights_BN in _blocks(weights, num_items, draws, philox(seed, STREAM_ITEMS)):
        found = [_scores(weights_BN, counts_NX, cell) for counts_NX, cell in stacked]
        blocks.append(np.stack(found))
    return np.concatenate(blocks, axis=-1)


def permuted(
    first: Sequence[Additive], second: Sequence[Additive], draws: int, *, seed: int = 0
) -> np.ndarray:
    """Differences of the mean score over seeds after random exchanges, differences_B."""
    (a_NX, _), (b_NX, _) = _stacked(first), _stacked(second)
    moved_NX = b_NX - a_NX

    def swaps(rng: np.random.Generator, rows: int) -> np.ndarray:
        return rng.integers(2, size=(rows, len(moved_NX)), dtype=np.int8)

    found = []
    for swaps_BN in _blocks(swaps, len(moved_NX), draws, philox(seed, STREAM_SWAPS)):
        moved_BX = swaps_BN @ moved_NX
        gained_SB = _of_sums(a_NX.sum(0) + moved_BX, first)
        lost_SB = _of_sums(b_NX.sum(0) - moved_BX, second)
        found.append(gained_SB.mean(0) - lost_SB.mean(0))
    return np.concatenate(found)


def p_value(observed: float, null_B: np.ndarray) -> float:
    """Two-sided, with the observed arrangement counted in (Davison & Hinkley 1997, 4.2)."""
    as_far = int((np.abs(null_B) >= abs(observed) - 1e-12).sum())
    return (as_far + 1) / (len(null_B) + 1)


def _blocks(
    draw: Callable[[np.random.Generator, int], np.ndarray],
    num_items: int,
    draws: int,
    rng: np.random.Generator,
) -> Iterator[np.ndarray]:
    rows = max(1, BLOCK // num_items)
    for at in range(0, draws, rows):
        yield draw(rng, min(rows, draws - at)).astype(np.float32)


def _stacked(cell: Sequence[Additive]) -> tuple[np.ndarray, Sequence[Additive]]:
    """Counts of all seeds side by side, counts_NX; single precision where they are whole numbers.

    Sums of whole numbers are exact there below 2^24.
    """
    counts_NX = np.concatenate([of.counts_NK for of in cell], axis=1)
    is_whole = bool((counts_NX == np.round(counts_NX)).all()) and counts_NX.sum(0).max() < 2**23
    return counts_NX.astype(np.float32 if is_whole else np.float64), cell


def _scores(weights_BN: np.ndarray, counts_NX: np.ndarray, cell: Sequence[Additive]) -> np.ndarray:
    return _of_sums(weights_BN.astype(counts_NX.dtype, copy=False) @ counts_NX, cell)


def _of_sums(sums_BX: np.ndarray, cell: Sequence[Additive]) -> np.ndarray:
    """Scores of each seed, scores_SB."""
    sums_BSK = sums_BX.reshape(len(sums_BX), len(cell), -1)
    return np.stack([of.score(sums_BSK[:, n]) for n, of in enumerate(cell)])
