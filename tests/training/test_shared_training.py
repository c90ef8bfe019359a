"""DDP and FSDP on two processes (gloo): losses of one, rows once each, resumes on another number.

One world of two processes runs all trainings of this file but those that are killed.
"""

from __future__ import annotations

import signal
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.training.shared_jobs import (
    MODELS,
    NUM_STEPS,
    STEPS,
    Forgetting,
    Recorder,
    Trained,
    follow_all,
    job_of,
    left_by,
    options_of,
    run,
    store,
)

from polyseme.data.tokenizer import WordPieces
from polyseme.errors import PreemptedError, ResourceError
from polyseme.runtime import preempt
from polyseme.training.batches import Rows
from polyseme.training.checkpoint import Checkpoints
from polyseme.training.loop import Job, pretrain
from polyseme.training.processes import Alone
from polyseme.training.spawn import together

STRATEGIES = ("ddp", "fsdp")
LOSS_TOLERANCE = 1e-5
"""Share of a loss by which two processes may differ from one."""
WEIGHT_TOLERANCE = 1e-4
STOPS = (4, 7, 9)
CHANGES = {"ddp": "fsdp", "fsdp": "ddp"}
"""A run of one process goes on in two, then in two by the other strategy, then in one."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="module")
def world(pieces: WordPieces, folder: Path) -> dict[str, Trained | None]:
    """What each training of the world has left, by its folder."""
    jobs = {
        f"{s}-{m}": job_of(m, s, pieces, folder / f"{s}-{m}") for s in STRATEGIES for m in MODELS
    }
    again: dict[str, Job] = {}
    for name, job in jobs.items():
        again[f"{name}-again"] = job._replace(model=type(job.model)(job.options, pieces))
    for s in STRATEGIES:
        jobs[f"{s}-bf16"] = job_of("gpt", s, pieces, folder / f"{s}-bf16", "bf16")
    for strategy in STRATEGIES:
        seen = folder / f"seen-{strategy}"
        seen.mkdir()
        at = folder / f"changed-{strategy}"
        first = job_of("gpt", strategy, pieces, at, seen=seen, stop=STOPS[0])
        assert run(first, Alone()) is None
        for by, (before, stop) in zip((strategy, CHANGES[strategy]), pairwise(STOPS), strict=True):
            jobs[f"{at}-{by}"] = job_of("gpt", by, pieces, at, seen=seen, stop=stop - before)
    found: dict[str, Trained | None] = {}
    every = [*jobs.values(), *(Forgetting(*job) for job in again.values())]
    with together(2, follow_all, every) as group:
        for name, job in zip([*jobs, *again], every, strict=True):
            if isinstance(job, Forgetting):
                job.forget()
            found[name] = run(job, group)
    for strategy in STRATEGIES:
        at = folder / f"changed-{strategy}"
        last = job_of("gpt", strategy, pieces, at, seen=folder / f"seen-{strategy}")
        found[f"changed-{strategy}"] = run(last, Alone())
    return found


@pytest.fixture(scope="module")
def alone(pieces: WordPieces, folder: Path) -> dict[str, Trained]:
    """One process, by model."""
    found = {name: run(job_of(name, "ddp", pieces, folder / name), Alone()) for name in MODELS}
    return {name: trained for name, trained in found.items() if trained}


def _equal(mine: Trained, other: Trained) -> bool:
    pairs = zip(mine.weights, other.weights, strict=True)
    return mine.rows == other.rows and all(torch.equal(a, b) for a, b in pairs)


def _near(mine: Trained, other: Trained) -> None:
    assert [row.keys() for row in mine.rows] == [row.keys() for row in other.rows]
    for row, known in zip(mine.rows, other.rows, strict=True):
        assert row == pytest.approx(known, rel=LOSS_TOLERANCE)
    for weight, known in zip(mine.weights, other.weights, strict=True):
        assert (weight - known).abs().max() <= WEIGHT_TOLERANCE


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_two_processes_have_the_losses_of_one(
    world: dict[str, Trained], alone: dict[str, Trained], strategy: str, model: str
) -> None:
    """Seven rows a step; some models have rows of two kinds, with other numbers of predictions."""
    found = world[f"{strategy}-{model}"]
    assert found.shared == [{"step": 0, "processes": 2, "strategy": strategy}]
    _near(found, alone[model])


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_run_that_continues_has_the_same_weights_and_history(
    world: dict[str, Trained], strategy: str, model: str
) -> None:
    assert _equal(world[f"{strategy}-{model}-again"], world[f"{strategy}-{model}"])


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_two_processes_have_the_losses_of_one_in_bfloat16(
    world: dict[str, Trained], pieces: WordPieces, tmp_path: Path, strategy: str
) -> None:
    """A last bit of bfloat16 is 1/256."""
    known = run(job_of("gpt", strategy, pieces, tmp_path, "bf16"), Alone())
    assert known is not None
    for row, other in zip(world[f"{strategy}-bf16"].rows, known.rows, strict=True):
        assert row == pytest.approx(other, rel=0.02)
    assert not _equal(world[f"{strategy}-bf16"], world[f"{strategy}-gpt"])


def test_averaging_had_begun(world: dict[str, Trained], folder: Path) -> None:
    for strategy in STRATEGIES:
        found = Checkpoints(folder / f"{strategy}-awd_lstm" / "checkpoints").newest()
        assert found is not None
        assert any(name.endswith(".average") for name in found.tensors)


def test_checkpoints_do_not_tell_how_many_wrote_them(
    world: dict[str, Trained], alone: dict[str, Trained], folder: Path
) -> None:
    for model in MODELS:
        kinds = []
        for name in (model, f"ddp-{model}", f"fsdp-{model}"):
            found = Checkpoints(folder / name / "checkpoints").newest()
            assert found is not None
            kinds.append({n: (t.shape, t.dtype) for n, t in found.tensors.items()})
        assert kinds[0] == kinds[1] == kinds[2]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_one_then_two_then_one_process_with_either_strategy_see_each_row_once(
    world: dict[str, Trained], alone: dict[str, Trained], folder: Path, strategy: str
) -> None:
    rows = Rows(store(2000), length=STEPS["sequence_length"], seed=3)
    numbers = range(NUM_STEPS * STEPS["batch_size"])
    assert len(numbers) < rows.num_rows
    known = {
        row.astype("<u2").tobytes(): n for n, row in zip(numbers, rows.at(numbers)[0], strict=True)
    }
    files = list((folder / f"seen-{strategy}").iterdir())
    assert len(files) == 2  # this process, alone and as the first of two, and the second one
    seen = np.concatenate([np.fromfile(file, "<u2").reshape(-1, 16) for file in files])
    assert sorted(known[row.tobytes()] for row in seen) == list(numbers)
    _near(world[f"changed-{strategy}"], alone["gpt"])
    shared = world[f"changed-{strategy}"].shared
    assert [each["processes"] for each in shared] == [1, 2, 2, 1]
    assert [each["step"] for each in shared] == [0, *STOPS]
    assert [each["strategy"] for each in shared[1:3]] == [strategy, CHANGES[strategy]]


def test_kill_of_one_process_ends_the_run_and_the_next_continues_to_the_same_end(
    world: dict[str, Trained], pieces: WordPieces, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ResourceError, match="a process of the training was killed"):
        _attempt(pieces, tmp_path, "ddp", dies=5)
    assert "Traceback" not in capfd.readouterr().err
    assert _equal(_attempt(pieces, tmp_path, "ddp"), world["ddp-gpt"])
    assert "continuing at step 5\n" in capfd.readouterr().err


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_all_processes_save_at_the_signal_of_preemption(
    world: dict[str, Trained], pieces: WordPieces, tmp_path: Path, strategy: str
) -> None:
    before = signal.getsignal(preempt.SIGNAL)
    try:
        with pytest.raises(PreemptedError, match=r"^step 7: preempted; its state is saved"):
            _attempt(pieces, tmp_path, strategy, seconds=1e6, preempted=5)
    finally:
        signal.signal(preempt.SIGNAL, before)
    kept = Checkpoints(tmp_path / "checkpoints").newest()
    assert kept is not None and kept.step == 7
    assert _equal(_attempt(pieces, tmp_path, strategy), world[f"{strategy}-gpt"])


def _attempt(
    pieces: WordPieces, scratch: Path, strategy: str, *, seconds: float = 1e-6, **events: int
) -> Trained:
    """One process starts another, and both train until one of the events."""
    options = options_of("gpt")
    model = Recorder(options, pieces)
    for name, step in events.items():
        setattr(model, name, step)
    runtime = job_of("gpt", strategy, pieces, scratch).runtime
    trained = pretrain(
        model, options, {"train": store(2000), "valid": store(500, 1)}, seed=3, scratch=scratch,
        runtime=replace(runtime, num_processes=2, checkpoint_seconds=seconds),
        log=lambda row, step: None,
    )  # fmt: skip
    return left_by(trained)
