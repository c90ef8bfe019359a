"""All cells of one representation: tasks x strategies x numbers of labels x seeds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from polyseme import items
from polyseme.config import build
from polyseme.data.tokens import TokenStore
from polyseme.models.base import Representation
from polyseme.models.common.language_model import LanguageModel
from polyseme.runtime.settings import Runtime
from polyseme.strategies.base import Strategy
from polyseme.tasks import base as tasks
from polyseme.tasks.common.prepared import PreparedTask
from polyseme.training.determinism import device_of
from polyseme.transfer import fixed, heads
from polyseme.transfer.cells import Cell, Outcome, Store
from polyseme.transfer.data import TaskVectors, live, some
from polyseme.transfer.features import FeatureCache
from polyseme.transfer.finetune import Cellwise, Watch, nothing, predict, train
from polyseme.transfer.forgetting import Forgetting
from polyseme.transfer.identity import identity_of, source_hash
from polyseme.transfer.labelled import Labelled
from polyseme.transfer.outcomes import outcome_of
from polyseme.transfer.tuning import Tuning

EVALUATED = ("valid", "test")
Job = tuple[Cell, ...]
"""Cells that are computed together."""


class _Traits(NamedTuple):
    """Of a representation.

    Attributes:
        refused: strategies that make no sense for it, and why.
        untrained: its identity when it forgets its weights, where it has no other traits: all
            tables of the same words are one and the same then, and are trained once.
        is_language_model: whether it has something to forget.
    """

    refused: dict[str, str]
    untrained: dict[str, str] | None
    is_language_model: bool


class Evaluation:
    """The cells of one representation.

    Args:
        load: gives a fresh copy of the representation.
        digest: hash of its weights.
        module: of its item; an edit there may change what it makes of the same weights.
        strategies: options of each strategy, by name.
        seeds, train_sizes: of the cells.
        identity: what else the results follow from (numerics).
        held_out: text of the pre-training corpus, by which forgetting is measured; None: it is not.
        with_partner: whether the strategies are those of the stage `stack`.
    """

    def __init__(
        self,
        load: Callable[[], Representation],
        digest: str,
        module: ModuleType,
        strategies: Mapping[str, Mapping[str, Any]],
        *,
        seeds: Sequence[int],
        train_sizes: Sequence[int | str],
        identity: Mapping[str, Any],
        runtime: Runtime,
        scratch: Path,
        held_out: Callable[[], TokenStore] | None = None,
        with_partner: bool = False,
    ) -> None:
        self.load, self.runtime, self.scratch = load, runtime, scratch
        self.seeds, self.train_sizes = seeds, train_sizes
        self.identity = identity_of(digest, module, identity, runtime)
        self.store = Store()
        self.features = FeatureCache(
            self.identity, runtime.feature_cache_bytes, kind=runtime.feature_type
        )
        self._latest: TaskVectors | None = None
        self.held_out = held_out
        self.tuning = Tuning(runtime)
        made = {name: _strategy(name, values) for name, values in strategies.items()}
        self.strategies = {n: s for n, s in made.items() if s.has_partner == with_partner}
        self.options = dict(strategies)

    @cached_property
    def _traits(self) -> _Traits:
        """What is to be known of the representation before any cell is computed."""
        representation = self.load()
        reasons = {name: s.refuses(representation) for name, s in self.strategies.items()}
        refused = {name: reason for name, reason in reasons.items() if reason is not None}
        key = representation.untrained_key()
        module = sys.modules[type(representation).__module__]
        untrained = None if key is None else {"representation": key, "module": source_hash(module)}
        return _Traits(refused, untrained, isinstance(representation, LanguageModel))

    @property
    def refused(self) -> dict[str, str]:
        """Strategies that make no sense for the representation, and why."""
        return self._traits.refused

    def jobs(self, task: PreparedTask) -> Iterator[Job]:
        """The cells of a task, in the order of the results.

        Cells of heads on fixed vectors are computed together: they share one encoding.

        Raises:
            DataError: the task has fewer labelled items than `train_sizes` asks for.
        """
        for size in self.train_sizes:
            tasks.budget_items(task.splits["train"], size, task=task.name)
        for name, strategy in self.strategies.items():
            if name not in self.refused:
                sizes = self._sizes(task, strategy)
                cells = [Cell(task.name, name, size, s) for size in sizes for s in self.seeds]
                if cells and _is_fixed(strategy):
                    yield tuple(cells)
                else:
                    yield from ((cell,) for cell in cells)

    def _sizes(self, task: PreparedTask, strategy: Strategy) -> list[int | str]:
        """Budgets of a strategy on a task, none of them twice, the smallest first."""
        total = len(task.splits["train"])
        counts = {total if size == "all" else int(size): size for size in self.train_sizes}
        if "all" in self.train_sizes:
            counts[total] = "all"
        most = strategy.options.most_items or total
        return [counts[count] for count in sorted(counts) if count <= most]

    def _identity(self, task: PreparedTask, digest: str, cell: Cell) -> dict[str, Any]:
        strategy = self.strategies[cell.strategy]
        identity = {
            **self.identity,
            "task": digest,
            "cell": list(cell),
            "options": self.options[cell.strategy],
            "source": source_hash(*_modules(strategy)),
        }
        if _is_fixed(strategy):
            identity["seeds"] = list(self.seeds)  # one product for all may round otherwise
        if self._traits.untrained is not None and not strategy.pretrained:
            identity |= self._traits.untrained
        if self._is_watched(cell, task):
            identity["watched"] = True  # by no other choice of seeds and sizes
        return identity

    def outcomes(self, task: PreparedTask, digest: str, job: Job) -> list[Outcome]:
        """The outcomes of cells that are computed together, from the store if they are there.

        Args:
            digest: hash of the labelled data.
        """
        identities = [self._identity(task, digest, cell) for cell in job]
        return self.store.get_all(identities, lambda: self._compute(job, task))

    def _compute(self, job: Job, task: PreparedTask) -> list[Outcome]:
        if _is_fixed(self.strategies[job[0].strategy]):
            return self._fixed(job, task)
        return self._tuned(job, task)

    def _vectors(self, task: PreparedTask) -> TaskVectors:
        """Vectors of the untouched representation; those of the latest task are kept."""
        if self._latest is None or self._latest.task is not task:
            self._latest = TaskVectors(self.load, task, self.features)
        return self._latest

    def _given(self, task: PreparedTask, valid: Labelled) -> Cellwise:
        return Cellwise(
            family=task.family,
            num_labels=len(task.labels),
            score=partial(main_score, task, valid),
            runtime=self.runtime,
            folder=self.scratch,
        )

    def _fixed(self, job: Job, task: PreparedTask) -> list[Outcome]:
        """Heads on vectors that are encoded once."""
        data = self._vectors(task)
        splits = {split: data.labelled(split) for split in EVALUATED}
        given, lengths = self._given(task, splits["valid"]), data.labelled("train").lengths
        outcomes = []
        for size in dict.fromkeys(cell.train_size for cell in job):
            started = time.monotonic()
            chosen = tasks.budget_items(task.splits["train"], size, task=task.name)
            trained = fixed.train(
                self.strategies[job[0].strategy],
                data.units("train").chosen(chosen),
                data.units("valid"),
                given,
                lengths=[lengths[i] for i in chosen],
                seeds=self.seeds,
            )
            facts = {"num_parameters": data.num_parameters + trained.num_parameters}
            facts["train_size"] = len(chosen)
            found = {split: heads.predict(trained, data.units(split)) for split in EVALUATED}
            seconds = (time.monotonic() - started) / len(self.seeds)
            for head in range(len(self.seeds)):
                predicted = {split: found[split][head] for split in EVALUATED}
                outcomes.append(outcome_of(task, splits, predicted, facts, seconds))
        return outcomes

    def _tuned(self, job: Job, task: PreparedTask) -> list[Outcome]:
        """One cell that is trained alone."""
        (cell,), started = job, time.monotonic()
        strategy = self.strategies[cell.strategy]
        device = device_of(self.runtime)
        representation = self._started(strategy, task, cell.seed).to(device)
        chosen = tasks.budget_items(task.splits["train"], cell.train_size, task=task.name)
        if strategy.trains_encoder:
            split = live(representation, task, "train", chosen)
            others = {name: live(representation, task, name, None) for name in EVALUATED}
        else:
            data = self._vectors(task)
            split = some(data.labelled("train"), chosen)
            others = {name: data.labelled(name) for name in EVALUATED}
        given = self._given(task, others["valid"])
        watch = self._forgetting(cell, task, representation)
        head = train(
            representation, strategy, split, others["valid"], given, seed=cell.seed, watch=watch
        )
        representation.eval().to(device)  # Lightning leaves the weights on the cpu
        head.to(device)
        predicted = {name: predict(head, other) for name, other in others.items()}
        weights = [*representation.parameters(), *head.parameters()]
        facts = {"num_parameters": sum(w.numel() for w in weights), "train_size": len(chosen)}
        if not strategy.pretrained:
            facts["words_seen"] = 0
        found = outcome_of(task, others, predicted, facts, time.monotonic() - started)
        return [found._replace(curve=watch.curve if isinstance(watch, Forgetting) else ())]

    def _started(self, strategy: Strategy, task: PreparedTask, seed: int) -> Representation:
        """The representation where training starts, after the task's text if the strategy asks.

        On the cpu: first weights are drawn there, so that they are the same everywhere.
        """
        representation = self.load().cpu()
        plan = strategy.tunes(representation)
        if plan is not None and isinstance(representation, LanguageModel):
            texts = {name: task.splits[name].sentences for name in ("train", "valid")}
            self.tuning.apply(representation, texts, plan, self.identity)
        return strategy.start(representation, seed)

    def _is_watched(self, cell: Cell, task: PreparedTask) -> bool:
        """Whether it is measured what the cell costs a language model: the first seed's, with the
        most labels."""
        strategy = self.strategies[cell.strategy]
        if not (self.held_out and strategy.trains_encoder and strategy.pretrained):
            return False
        most = self._sizes(task, strategy)[-1]
        chosen = (cell.train_size, cell.seed) == (most, self.seeds[0])
        return chosen and self._traits.is_language_model

    def _forgetting(self, cell: Cell, task: PreparedTask, representation: Representation) -> Watch:
        if self.held_out is None or not self._is_watched(cell, task):
            return nothing
        tuned = self.strategies[cell.strategy].tunes(representation) is not None
        untouched = self.load().to(device_of(self.runtime)) if tuned else None
        return Forgetting(representation, self.held_out, untouched)


def _strategy(name: str, values: Mapping[str, Any]) -> Strategy:
    module = items.load("strategy", name)
    file, key = f"conf/strategy/{name}.yaml", f"strategy.{name}"
    strategy: Strategy = module.Strategy(build(module.Config, values, file=file, key=key))
    return strategy


def _is_fixed(strategy: Strategy) -> bool:
    return not strategy.trains_encoder and strategy.head.is_linear


def _modules(strategy: Strategy) -> list[ModuleType]:
    """Where a strategy and what it is built on are written."""
    names = [kind.__module__ for kind in type(strategy).__mro__]
    return [sys.modules[name] for name in names if name.startswith("polyseme.strategies")]


def main_score(task: PreparedTask, split: Labelled, predicted_N: np.ndarray) -> float:
    """By which a state is chosen: the main metric of the task."""
    return task.score(split.scored(predicted_N, task.names))[task.main_metric]
