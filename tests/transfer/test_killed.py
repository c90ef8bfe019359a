"""Cells of every strategy: killed in the middle they end the same; test labels have no say."""

from __future__ import annotations

import multiprocessing
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from polyseme.config import build
from polyseme.data.tokenizer import WordPieces
from polyseme.data.tokens import TokenStore
from polyseme.models import awd_lstm
from polyseme.runtime.settings import Runtime
from polyseme.tasks import base as tasks
from polyseme.tasks.common.prepared import PreparedTask
from polyseme.training.checkpoint import Checkpoints
from polyseme.transfer.cells import Outcome, Store
from polyseme.transfer.evaluate import Evaluation

WORDS = [f"w{i}" for i in range(8)]
RUNTIME = Runtime(num_threads=1, precision="fp32", progress=False)
SIZES: dict[str, Any] = {
    "batch_size": 4, "sequence_length": 16, "dim": 16, "hidden_dim": 20, "num_layers": 2,
}  # fmt: skip
HEAD = {"epochs": 2, "batch_size": 8, "head_lr": 0.02}
WHOLE = HEAD | {"encoder_lr": 0.01}
STRATEGIES: dict[str, dict[str, Any]] = {
    "frozen": HEAD,
    "frozen_bilstm": HEAD | {"lstm_dim": 5},
    "full": WHOLE,
    "gradual": WHOLE,
    "lora": WHOLE | {"rank": 2},
    "scratch": WHOLE,
}


def _texts(count: int, seed: int) -> list[list[str]]:
    random = np.random.default_rng(seed)
    return [list(random.choice(WORDS, random.integers(3, 9))) for _ in range(count)]


def _task(folder: Path, *, shuffled: bool = False) -> PreparedTask:
    """Which words are odd; in the test split, as many of other words where they are shuffled."""
    splits = {}
    for number, (name, count) in enumerate({"train": 90, "valid": 40, "test": 30}.items()):
        texts = _texts(count, number)
        labels = [["B-odd" if int(w[1:]) % 2 else "O" for w in words] for words in texts]
        if shuffled and name == "test":
            labels = [["O" if label == "B-odd" else "B-new" for label in row] for row in labels]
        splits[name] = tasks.Split(texts, labels)
    folder.mkdir(parents=True)
    tasks.write(folder, splits, {"name": "odd", "family": "span"})
    return PreparedTask(folder)


def _outcomes(
    pieces: WordPieces, folder: Path, task: PreparedTask, names: tuple[str, ...] = (*STRATEGIES,)
) -> dict[str, Outcome]:
    """Outcomes of all cells by their keys; what is kept of them lies in the folder."""

    def load() -> awd_lstm.Model:
        model = awd_lstm.Model(build(awd_lstm.Config, SIZES, file="awd_lstm"), pieces)
        model.reset(0)
        return model.eval()

    evaluation = Evaluation(
        load, "weights", awd_lstm, {name: STRATEGIES[name] for name in names}, seeds=[0, 1],
        train_sizes=[32, "all"], identity={}, runtime=replace(RUNTIME, checkpoint_seconds=1e-4),
        scratch=folder, held_out=lambda: TokenStore.of(_texts(60, 9), pieces),
    )  # fmt: skip
    evaluation.store = Store(folder / "cells")
    evaluation.tuning.folder = folder / "tuned"
    evaluation.features.folder = folder / "features"
    return {
        cell.key: outcome
        for job in evaluation.jobs(task)
        for cell, outcome in zip(job, evaluation.outcomes(task, "digest", job), strict=True)
    }


def _bytes(predictions: pa.Table) -> bytes:
    stream = pa.BufferOutputStream()
    with pa.ipc.new_stream(stream, predictions.schema) as writer:
        writer.write_table(predictions.combine_chunks())
    return bytes(stream.getvalue())


def _killed(kind: type, method: str, calls: int, *args: Any) -> None:
    """Compute cells in a process of its own, which dies at the end of a call of a method."""

    def begin() -> None:
        done, whole = [0], getattr(kind, method)

        def wrapped(self: Any, *given: Any) -> None:
            whole(self, *given)
            done[0] += 1
            if done[0] == calls:
                os.kill(os.getpid(), signal.SIGKILL)

        setattr(kind, method, wrapped)
        _outcomes(*args)

    process = multiprocessing.get_context("fork").Process(target=begin)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def test_killed_while_tuning_and_between_cells_predictions_are_the_same_bytes(
    pieces: WordPieces, in_tmp: Path
) -> None:
    task = _task(in_tmp / "task")
    whole = _outcomes(pieces, in_tmp / "whole", task)
    assert len(whole) == 4 * len(STRATEGIES)
    given = pieces, in_tmp / "killed", task
    _killed(Store, "_write", 6, *given)
    _killed(Checkpoints, "save", 9, *given)  # while `gradual` tunes
    assert list((in_tmp / "killed").glob("tuned/*.run*"))
    _killed(Store, "_write", 3, *given)
    kept = {path: path.stat().st_mtime_ns for path in (in_tmp / "killed/cells").iterdir()}
    found = _outcomes(*given)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert [*found] == [*whole]
    for key, outcome in found.items():
        assert _bytes(outcome.predictions) == _bytes(whole[key].predictions), key
        assert (outcome.scores, outcome.facts) == (whole[key].scores, whole[key].facts)
        assert [*map(tuple, outcome.curve)] == [*map(tuple, whole[key].curve)]


@pytest.mark.parametrize("name", STRATEGIES)
def test_labels_of_the_test_split_have_no_say(pieces: WordPieces, in_tmp: Path, name: str) -> None:
    honest, shuffled = (
        _outcomes(pieces, in_tmp / f"{flag}", _task(in_tmp / f"task{flag}", shuffled=flag), (name,))
        for flag in (False, True)
    )
    for key, outcome in honest.items():
        other = shuffled[key]
        assert outcome.scores["valid"] == other.scores["valid"]
        predicted, gold = (
            [o.predictions[column].to_pylist() for o in (outcome, other)]
            for column in ("predicted", "gold")
        )
        assert predicted[0] == predicted[1]
        assert gold[0] != gold[1]
