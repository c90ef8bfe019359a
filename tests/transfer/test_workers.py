"""Cells in several processes: the same outcomes, and errors that are seen."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from polyseme.data.tokenizer import WordPieces
from polyseme.errors import NumericsError, ResourceError
from polyseme.models import word2vec
from polyseme.models.common.table import Table
from polyseme.runtime.settings import Runtime
from polyseme.tasks import base as tasks
from polyseme.tasks.common.prepared import PreparedTask
from polyseme.transfer import workers
from polyseme.transfer.evaluate import Evaluation

WORDS = [f"w{i}" for i in range(40)]
COMMON = {"epochs": 2, "batch_size": 8, "head_lr": 0.05}
STRATEGIES = {
    "frozen": COMMON,
    "full": COMMON | {"encoder_lr": 0.01},
    "scratch": COMMON | {"encoder_lr": 0.01},
}


def _table(pieces: WordPieces, seed: int) -> Table:
    table = Table(WORDS, 8, pieces, "zero")
    table.reset(seed)
    return table


def _task(folder: Path) -> PreparedTask:
    folder.mkdir()
    random = np.random.default_rng(0)
    texts = [list(random.choice(WORDS, 5)) for _ in range(24)]
    split = tasks.Split(texts, [[f"{int(w[1:]) % 2}" for w in text] for text in texts])
    card = {"name": "toy", "family": "tagging", "main_metric": "accuracy"}
    tasks.write(folder, dict.fromkeys(tasks.SPLITS, split), card)
    return PreparedTask(folder)


def _evaluation(
    pieces: WordPieces, *, seed: int = 0, strategies: Mapping[str, Mapping[str, Any]] = STRATEGIES
) -> Evaluation:
    runtime = workers.runtime_of_cell(Runtime(num_threads=2, precision="fp32"))
    return Evaluation(
        lambda: _table(pieces, seed), f"weights of {seed}", word2vec, strategies, seeds=[0, 1],
        train_sizes=["all"], identity={}, runtime=runtime, scratch=Path("scratch"),
    )  # fmt: skip


@pytest.mark.parametrize("num_threads", [1, 2, 3])
def test_the_number_of_workers_changes_no_outcome(
    pieces: WordPieces, in_tmp: Path, num_threads: int
) -> None:
    task, found, done = _task(in_tmp / "task"), {}, []
    for name, threads in (("one", 1), ("several", num_threads)):
        evaluation = _evaluation(pieces)
        evaluation.store.folder = in_tmp / name
        evaluation.store.folder.mkdir()
        runtime = Runtime(num_threads=threads)
        workers.fill(evaluation, {"toy": (task, "digest")}, runtime, done.append)
        found[name] = {path.name: _bytes(path) for path in (in_tmp / name).iterdir()}
    assert found["one"] == found["several"]
    assert sum(done) == 2 * len(STRATEGIES) * 2


def _bytes(path: Path) -> object:
    """A cell's file without its seconds, which differ, and without what hashes them."""
    if path.suffix == ".parquet":
        return path.read_bytes()
    return path.read_text().split('"seconds"')[0]


def test_workers_compute_in_processes_of_their_own_that_are_not_left_behind(
    pieces: WordPieces, in_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = in_tmp / "pids"
    seen.mkdir()
    compute = Evaluation._compute

    def noted(self: Evaluation, *args: Any) -> Any:
        (seen / str(os.getpid())).touch()
        return compute(self, *args)

    monkeypatch.setattr(Evaluation, "_compute", noted)
    tasks_ = {"toy": (_task(in_tmp / "task"), "digest")}
    workers.fill(_evaluation(pieces), tasks_, Runtime(num_threads=2), lambda count: None)
    pids = [int(path.name) for path in seen.iterdir()]
    assert os.getpid() not in pids
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_an_error_in_a_worker_is_raised_here(pieces: WordPieces, in_tmp: Path) -> None:
    wild = {"full": COMMON | {"encoder_lr": 1e30, "head_lr": 1e30}}
    tasks_ = {"toy": (_task(in_tmp / "task"), "digest")}
    evaluation = _evaluation(pieces, strategies=wild)
    with pytest.raises(NumericsError, match="lower the rates"):
        workers.fill(evaluation, tasks_, Runtime(num_threads=2), lambda count: None)


def test_a_killed_worker_is_one_clear_line(
    pieces: WordPieces, in_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Evaluation, "_compute", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    tasks_ = {"toy": (_task(in_tmp / "task"), "digest")}
    with pytest.raises(ResourceError, match=r"fine-tuning: a worker .*lower runtime.num_threads"):
        workers.fill(_evaluation(pieces), tasks_, Runtime(num_threads=2), lambda count: None)


def test_a_cell_has_one_thread_on_a_cpu_whatever_the_stage_has() -> None:
    runtime = Runtime(num_threads=4)
    assert workers.runtime_of_cell(runtime) == replace(runtime, num_threads=1)
    gpu = Runtime(num_threads=4, accelerator="gpu")
    assert workers.runtime_of_cell(gpu) == gpu


def test_tables_that_forget_their_weights_are_trained_once(
    pieces: WordPieces, in_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, computed = _task(in_tmp / "task"), []
    compute = Evaluation._compute

    def noted(self: Evaluation, job: Any, task: Any) -> Any:
        computed.extend(cell.strategy for cell in job)
        return compute(self, job, task)

    monkeypatch.setattr(Evaluation, "_compute", noted)
    found: list[dict[Any, Any]] = []
    for seed in (0, 1):
        evaluation = _evaluation(pieces, seed=seed)
        found.append({})
        for job in evaluation.jobs(task):
            outcomes = evaluation.outcomes(task, "digest", job)
            found[-1] |= {c: o.scores for c, o in zip(job, outcomes, strict=True)}
    assert [computed.count(name) for name in STRATEGIES] == [4, 4, 2]
    apart = [c.strategy for c in found[0] if found[0][c] != found[1][c]]
    assert "scratch" not in apart
    assert set(apart) == {"frozen", "full"}


def test_tables_of_other_words_or_dimensions_are_others(pieces: WordPieces) -> None:
    tables = [
        Table(WORDS, 8, pieces, "zero"),
        Table(WORDS[1:], 8, pieces, "zero"),
        Table(WORDS, 9, pieces, "zero"),
        Table(WORDS, 8, pieces, "mean"),
    ]
    assert len({table.untrained_key() for table in tables}) == len(tables)
    assert Table(WORDS, 8, pieces, "zero").untrained_key() == tables[0].untrained_key()
