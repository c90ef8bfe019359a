"""Where the next trial's values come from.

What a trial is given follows from the seed of the sweep, its place among the sampled trials and the
results that are there: not from how often a worker was started, as it would with a sampler that
keeps a stream of random numbers. A trial that repeats a lost one has no place of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from polyseme.sweeps.conf import Sweep
from polyseme.sweeps.space import Domain

RETRY_OF, SURPLUS, LOST = "retry_of", "surplus", "lost"
"""Attributes of a trial: number that it repeats; begun by two workers at once; worker died."""


def place_of(study: Study, number: int) -> int:
    """How many trials were sampled before this one."""
    earlier = (t for t in study.get_trials(deepcopy=False) if t.number < number)
    return sum(RETRY_OF not in t.user_attrs and SURPLUS not in t.user_attrs for t in earlier)


def seed_of(*parts: object) -> int:
    """A seed of 32 bits that follows from the parts."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:4], "big")


class Seeded(BaseSampler):
    """A sampler of Optuna, begun anew for each trial with a seed of the trial's place."""

    def __init__(self, make: Callable[[int], BaseSampler], *seed: object) -> None:
        self.make, self.seed = make, seed
        self._of: dict[int, BaseSampler] = {}

    def _inner(self, study: Study, trial: FrozenTrial) -> BaseSampler:
        if trial.number not in self._of:
            seed = seed_of(*self.seed, place_of(study, trial.number))
            self._of = {trial.number: self.make(seed)}
        return self._of[trial.number]

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """As Optuna asks."""
        return self._inner(study, trial).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """As Optuna asks."""
        return self._inner(study, trial).sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """As Optuna asks."""
        inner = self._inner(study, trial)
        return inner.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """As Optuna asks."""
        self._inner(study, trial).before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Any) -> None:
        """As Optuna asks."""
        self._inner(study, trial).after_trial(study, trial, state, values)


class Points(BaseSampler):
    """Points that are known beforehand: the trial's place says which."""

    def __init__(self, space: Mapping[str, Domain], point: Callable[[int], list[Any]]) -> None:
        self.space = {key: domain.distribution() for key, domain in space.items()}
        self.point = point

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """All of it."""
        return self.space

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The point of the trial."""
        return dict(zip(self.space, self.point(place_of(study, trial.number)), strict=True))

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Nothing is left to it: all keys are sampled together."""
        raise RuntimeError(f"{param_name} is not in the space")


def grid_size(space: Mapping[str, Domain]) -> int | None:
    """Points of the grid; None where a range has no end of values."""
    size = 1
    for domain in space.values():
        values = domain.grid()
        if values is None:
            return None
        size *= len(values)
    return size


def grid_point(space: Mapping[str, Domain], place: int) -> list[Any]:
    """The values at a place of the grid; the last key changes fastest."""
    chosen = []
    for domain in reversed(space.values()):  # type: ignore[call-overload]
        values = domain.grid()
        place, at = divmod(place, len(values))
        chosen.append(values[at])
    return chosen[::-1]


def sobol_point(space: Mapping[str, Domain], place: int, seed: int) -> list[Any]:
    """The point at a place of the scrambled Sobol sequence (Owen 1998), as values."""
    from scipy.stats import qmc

    sequence = qmc.Sobol(len(space), scramble=True, rng=np.random.default_rng(seed))
    shares = sequence.fast_forward(place).random(1)[0] if place else sequence.random(1)[0]
    return [domain.at(float(share)) for domain, share in zip(space.values(), shares, strict=True)]


def make(sweep: Sweep, family: str) -> BaseSampler:
    """The sampler of a family's trials."""
    space, seed = sweep.families[family].space, seed_of(sweep.seed, family)
    makers: dict[str, Callable[[], BaseSampler]] = {
        "random": lambda: Seeded(RandomSampler, sweep.seed, family),
        "tpe": lambda: Seeded(
            lambda s: TPESampler(n_startup_trials=sweep.startup, multivariate=True, seed=s),
            sweep.seed,
            family,
        ),
        "nsga2": lambda: Seeded(
            lambda s: NSGAIISampler(population_size=max(2, sweep.startup), seed=s),
            sweep.seed,
            family,
        ),
        "grid": lambda: Points(space, lambda place: grid_point(space, place)),
        "qmc": lambda: Points(space, lambda place: sobol_point(space, place, seed)),
    }
    return makers[sweep.sampler]()


def pruner(sweep: Sweep, num_looks: int) -> optuna.pruners.BasePruner:
    """The pruner of a family whose trials have so many looks at held-out loss."""
    chosen, of = sweep.pruner, optuna.pruners
    least = max(1, chosen.warmup)
    makers: dict[str, Callable[[], optuna.pruners.BasePruner]] = {
        "none": of.NopPruner,
        "median": lambda: of.MedianPruner(chosen.startup, chosen.warmup),
        "successive_halving": lambda: of.SuccessiveHalvingPruner(min_resource=least),
        "hyperband": lambda: of.HyperbandPruner(least, max(least, num_looks)),
    }
    return makers[chosen.kind]()
