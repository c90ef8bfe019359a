"""All cells of one representation: tasks x strategies x numbers of labels x seeds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa

from polyseme import items
from polyseme.config import build
from polyseme.models.base import Representation
from polyseme.runtime.settings import Runtime, hardware, precision, versions
from polyseme.strategies import base as strategy_base
from polyseme.strategies.base import Strategy
from polyseme.tasks import base as tasks
from polyseme.tasks.common.prepared import PreparedTask
from polyseme.training.determinism import device_of
from polyseme.transfer.cells import Cell, Outcome, Store, source_hash
from polyseme.transfer.data import TaskVectors
from polyseme.transfer.finetune import Labelled, predict, scored, train
from polyseme.transfer.head import Head

EVALUATED = ("valid", "test")


class Evaluation:
    """The cells of one representation.

    Args:
        load: gives a fresh copy of the representation.
        digest: hash of its weights.
        module: of its item; an edit there may change what it makes of the same weights.
        strategies: options of each strategy, by name.
        seeds, train_sizes: of the cells.
        identity: what else the results follow from (numerics).
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
    ) -> None:
        self.load, self.runtime, self.scratch = load, runtime, scratch
        self.seeds, self.train_sizes = seeds, train_sizes
        self.identity = {
            **identity,
            "representation": digest,
            "module": source_hash(module),
            "precision": precision(runtime),
            "threads": runtime.num_threads,
            "accelerator": runtime.accelerator,
            "cpu": hardware()["cpu"],
            "versions": versions(),
        }
        self.store = Store()
        self._latest: TaskVectors | None = None
        self.strategies: dict[str, Strategy] = {}
        for name, values in strategies.items():
            module = items.load("strategy", name)
            options = build(
                module.Config, values, file=f"conf/strategy/{name}.yaml", key=f"strategy.{name}"
            )
            self.strategies[name] = module.Strategy(options)
        self.options = dict(strategies)

    def cells(self, task: PreparedTask) -> Iterator[Cell]:
        """The cells of a task, in the order of the results.

        Raises:
            DataError: the task has fewer labelled items than `train_sizes` asks for.
        """
        for size in self.train_sizes:
            tasks.budget_items(task.splits["train"], size, task=task.name)
        total = len(task.splits["train"])
        repeated = total if "all" in self.train_sizes else None
        for strategy in self.strategies:
            for size in self.train_sizes:
                if size != repeated:
                    for seed in self.seeds:
                        yield Cell(task.name, strategy, size, seed)

    @cached_property
    def _untrained(self) -> dict[str, str] | None:
        """Identity of a representation that forgets its weights, where it has no other traits.

        All tables of the same words are one and the same then, and are trained once.
        """
        representation = self.load()
        key = representation.untrained_key()
        module = sys.modules[type(representation).__module__]
        return None if key is None else {"representation": key, "module": source_hash(module)}

    def outcome(self, task: PreparedTask, digest: str, cell: Cell) -> Outcome:
        """The outcome of one cell of a task, from the store if it is there.

        Args:
            digest: hash of the labelled data.
        """
        identity = {
            **self.identity,
            "task": digest,
            "cell": list(cell),
            "options": self.options[cell.strategy],
            "source": source_hash(items.load("strategy", cell.strategy), strategy_base),
        }
        if self._untrained is not None and not self.strategies[cell.strategy].pretrained:
            identity |= self._untrained
        return self.store.get(identity, lambda: self._compute(cell, task))

    def _vectors(self, task: PreparedTask) -> TaskVectors:
        """Vectors of the untouched representation; those of the latest task are kept."""
        if self._latest is None or self._latest.task is not task:
            self._latest = TaskVectors(self.load, task)
        return self._latest

    def _compute(self, cell: Cell, task: PreparedTask) -> Outcome:
        started = time.monotonic()
        strategy = self.strategies[cell.strategy]
        representation = self.load()
        live = strategy.trains_encoder
        data = TaskVectors(lambda: representation, task) if live else self._vectors(task)
        chosen = tasks.budget_items(task.splits["train"], cell.train_size, task=task.name)
        head = train(
            representation,
            strategy,
            data.labelled("train", chosen, live=live),
            family=task.family,
            num_labels=len(task.labels),
            seed=cell.seed,
            runtime=self.runtime,
            folder=self.scratch,
        )
        scores, predictions = {}, []
        device = device_of(self.runtime)  # Lightning leaves the weights on the cpu
        representation.eval().to(device)
        head.to(device)
        for split in EVALUATED:
            scores[split], table = _score(task, split, head, data.labelled(split, None, live=live))
            predictions.append(table)
        weights = [*representation.parameters(), *head.parameters()]
        facts = {"num_parameters": sum(w.numel() for w in weights), "train_size": len(chosen)}
        if not strategy.pretrained:
            facts["words_seen"] = 0
        seconds = time.monotonic() - started
        return Outcome(scores, facts, seconds, pa.concat_tables(predictions))


def _score(
    task: PreparedTask, split: str, head: Head, data: Labelled
) -> tuple[dict[str, float], pa.Table]:
    found = scored(data, predict(head, data), task.labels)
    scores = task.score(found) | {"num_items": float(len(found.gold_N))}
    columns = {
        "split": pa.array([split] * len(found.gold_N), pa.string()),
        "item": pa.array(found.item_N, pa.int64()),
        "unit": pa.array(found.unit_N, pa.int64()),
        "gold": pa.array([found.name(n) for n in found.gold_N.tolist()], pa.string()),
        "predicted": pa.array([found.name(n) for n in found.predicted_N.tolist()], pa.string()),
    }
    return scores, pa.table(columns)


def rows_of(cell: Cell, outcome: Outcome, common: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Rows of the results table; time is kept apart."""
    for split, scores in outcome.scores.items():
        for metric, value in scores.items():
            if metric != "num_items":
                yield {
                    **common,
                    **outcome.facts,
                    "stage": "finetune",
                    "task": cell.task,
                    "strategy": cell.strategy,
                    "layer": "mix",
                    "control": False,
                    "seed": cell.seed,
                    "split": split,
                    "metric": metric,
                    "value": value,
                    "num_items": int(scores["num_items"]),
                }
