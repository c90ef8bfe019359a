"""Cells: the smallest pieces of evaluation, kept by content.

A cell is one trained head: (task, strategy, number of labels, seed) of one representation. Its
result lies in .polyseme/cells under the hash of everything it follows from: weights, labels,
options, sources of the model's module and of the strategy, precision, versions, processor. A killed
stage so continues at the first cell that is missing, and a new task or strategy computes its own
cells only.
"""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, cast

import pyarrow as pa
import pyarrow.parquet as pq

from polyseme import paths
from polyseme.runtime.manifest import canonical, sha256


class Cell(NamedTuple):
    """What is told apart within one representation."""

    task: str
    strategy: str
    train_size: int | str
    seed: int

    @property
    def key(self) -> str:
        """Name in the run record."""
        return "/".join(map(str, self))


class Outcome(NamedTuple):
    """What a cell leaves.

    Attributes:
        scores: of each split, metric and value; `num_items` among them.
        facts: num_parameters, train_size.
        seconds: wall-clock time, the one thing that differs between equal runs.
        predictions: columns split, item, unit, gold, predicted.
        curve: epochs, steps and bits per byte of the language model on held-out text, where
            forgetting was measured.
    """

    scores: dict[str, dict[str, float]]
    facts: dict[str, int]
    seconds: float
    predictions: pa.Table
    curve: Sequence[tuple[int, int, float]] = ()


class Store:
    """Finished cells on disk.

    Args:
        folder: may be deleted at any time; cells are then computed again.
    """

    def __init__(self, folder: Path = paths.SCRATCH / "cells") -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def get_all(
        self, identities: Sequence[Mapping[str, Any]], compute: Callable[[], list[Outcome]]
    ) -> list[Outcome]:
        """The outcomes of cells, all computed if one is not there or is damaged."""
        names = [canonical(identity) for identity in identities]
        found = [self._read(name) for name in names]
        if all(outcome is not None for outcome in found):
            return cast("list[Outcome]", found)
        made = compute()
        for name, outcome in zip(names, made, strict=True):
            self._write(name, outcome)
        return made

    def _read(self, name: str) -> Outcome | None:
        table = self.folder / f"{name}.parquet"
        try:
            note = json.loads((self.folder / f"{name}.json").read_text())
            if note.pop("own_sha256") != canonical(note) or sha256(table) != note.pop("sha256"):
                return None
            return Outcome(**note, predictions=pq.read_table(table))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _write(self, name: str, outcome: Outcome) -> None:
        table = self.folder / f"{name}.parquet"
        _put(table, lambda path: pq.write_table(outcome.predictions, path))
        note = outcome._asdict() | {"sha256": sha256(table)}
        del note["predictions"]
        note = json.loads(json.dumps(note))  # hashed as it will be read
        text = json.dumps(note | {"own_sha256": canonical(note)})
        _put(self.folder / f"{name}.json", lambda path: path.write_text(text))


def _put(path: Path, write: Callable[[Path], Any]) -> None:
    temporary = path.with_suffix(f".tmp-{os.getpid()}")
    write(temporary)
    temporary.replace(path)


def source_hash(*modules: ModuleType) -> str:
    """Hash of the source of an item's module, and of those that it is built on."""
    return canonical([inspect.getsource(module) for module in modules])
