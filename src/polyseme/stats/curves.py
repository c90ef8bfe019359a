"""Learning curves: how many labels a score takes, between the budgets that were measured.

A curve is the score for each number of labels. Between two numbers the score is taken to be linear
in the logarithm of the labels; beyond the measured ones nothing is said: a score that is there
from the smallest budget on takes at most so many labels, one that is never there more than the
largest. Where a curve falls and rises, the first time counts, which flatters what is asked about.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

ROUNDING = 1e-12
"""A score that is below by no more is as good: it is the same mean, added up in another order."""
Curve = Mapping[int, float]
Bound = Literal["at most", "", "more than"]


@dataclass(frozen=True)
class Labels:
    """A number of labels, or where it lies."""

    number: float
    bound: Bound = ""

    @property
    def rank(self) -> tuple[float, int]:
        """By which numbers of labels are ordered."""
        return self.number, ("at most", "", "more than").index(self.bound)


def labels_to_reach(curve: Curve, target: float, *, lower_is_better: bool = False) -> Labels:
    """The fewest labels with which a curve is at least as good as `target`.

    Raises:
        ValueError: a curve without points, or with a number of labels below 1.
    """
    sign = -1.0 if lower_is_better else 1.0
    points = [(size, sign * (curve[size] - target) + ROUNDING) for size in sorted(curve)]
    if not points or points[0][0] < 1:
        raise ValueError("no curve over numbers of labels")
    if points[0][1] >= 0:
        return Labels(points[0][0], "at most")
    for (few, below), (many, above) in pairwise(points):
        if above >= 0:
            share = below / (below - above)
            return Labels(math.exp(math.log(few) + share * math.log(many / few)))
    return Labels(points[-1][0], "more than")


def budget(sizes: Sequence[int], wanted: int) -> int:
    """The wanted number of labels if it was measured, else the smallest.

    Raises:
        ValueError: nothing was measured.
    """
    return wanted if wanted in sizes else min(sizes)


@dataclass(frozen=True)
class Needed:
    """Labels that a score takes: of the mean over seeds, and the range of the single seeds."""

    mean: Labels
    least: Labels
    most: Labels


def needed(
    curves: Mapping[int, Curve], targets: Mapping[int, float], *, lower_is_better: bool = False
) -> Needed | None:
    """Labels with which the curves of some seeds are as good as the targets of the same seeds.

    None where they share no seed.
    """
    seeds = sorted(curves.keys() & targets.keys())
    if not seeds:
        return None
    mean = mean_curve({seed: curves[seed] for seed in seeds})
    target = math.fsum(targets[seed] for seed in seeds) / len(seeds)
    single = sorted(
        (
            labels_to_reach(curves[seed], targets[seed], lower_is_better=lower_is_better)
            for seed in seeds
        ),
        key=lambda labels: labels.rank,
    )
    whole = labels_to_reach(mean, target, lower_is_better=lower_is_better)
    return Needed(whole, single[0], single[-1])


def mean_curve(curves: Mapping[int, Curve]) -> dict[int, float]:
    """Mean over seeds of the curves, at the numbers of labels that all of them have."""
    common = set.intersection(*(set(curve) for curve in curves.values())) if curves else set()
    return {
        size: math.fsum(curve[size] for curve in curves.values()) / len(curves)
        for size in sorted(common)
    }
