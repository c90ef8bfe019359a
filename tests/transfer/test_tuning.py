"""A language model goes on with the text of a task: once, and never from another task's."""

from __future__ import annotations

import multiprocessing
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.transfer.small import RUNTIME, model_of, texts_of

from polyseme.data.tokenizer import WordPieces
from polyseme.data.tokens import TokenStore
from polyseme.training.checkpoint import Checkpoints
from polyseme.training.evaluate import evaluate, held_out_batches
from polyseme.transfer.tuning import Tuning


@pytest.mark.parametrize("name", ["bert", "awd_lstm", "elmo"])
def test_a_language_model_goes_on_with_the_text_of_a_task_once(
    pieces: WordPieces, in_tmp: Path, name: str
) -> None:
    texts = {"train": texts_of(150), "valid": texts_of(60, 1)}
    model, again = model_of(pieces, name), model_of(pieces, name)
    store = TokenStore.of(texts["valid"], pieces)
    batches = held_out_batches(model, store, model.options)
    before = evaluate(model, batches)["loss"]
    tuning = Tuning(RUNTIME, in_tmp / "tuned")
    tuning.apply(model, texts, (15, 0.005), {"model": name})
    assert evaluate(model, batches)["loss"] < before - 0.1
    (kept,) = (in_tmp / "tuned").glob("*.safetensors")
    written = kept.stat().st_mtime_ns
    tuning.apply(again, texts, (15, 0.005), {"model": name})
    assert kept.stat().st_mtime_ns == written
    assert evaluate(again, batches)["loss"] == evaluate(model, batches)["loss"]
    kept.write_bytes(kept.read_bytes()[:-9])
    third = model_of(pieces, name)
    tuning.apply(third, texts, (15, 0.005), {"model": name})
    assert evaluate(third, batches)["loss"] == evaluate(model, batches)["loss"]


def _tuned(
    pieces: WordPieces, folder: Path, seed: int, checkpoint_seconds: float = 1e-4
) -> dict[str, torch.Tensor]:
    """Weights after some passes over the texts of a seed."""
    model = model_of(pieces, "awd_lstm")
    texts = {"train": texts_of(150, seed), "valid": texts_of(60, seed + 1)}
    runtime = replace(RUNTIME, checkpoint_seconds=checkpoint_seconds)
    Tuning(runtime, folder).apply(model, texts, (2, 0.005), {})
    return {name: weight.detach().clone() for name, weight in model.named_parameters()}


def _equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(weight, other[name]) for name, weight in one.items())


def test_no_task_goes_on_from_the_checkpoints_of_another(pieces: WordPieces, in_tmp: Path) -> None:
    first, second = (_tuned(pieces, in_tmp / "one after the other", seed) for seed in (0, 5))
    assert _equal(second, _tuned(pieces, in_tmp / "alone", 5))
    assert not _equal(second, first)
    assert not list(in_tmp.rglob("*.run*"))


def test_tuning_killed_in_the_middle_ends_with_the_same_weights(
    pieces: WordPieces, in_tmp: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def killed() -> None:
        saved = Checkpoints.save

        def save(self: Checkpoints, step: int, *rest: Any) -> None:
            saved(self, step, *rest)
            if step > 40:
                os.kill(os.getpid(), signal.SIGKILL)

        Checkpoints.save = save  # type: ignore[method-assign] # in a process of its own
        _tuned(pieces, in_tmp / "killed", 0)

    process = multiprocessing.get_context("fork").Process(target=killed)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert not list((in_tmp / "killed").glob("*.safetensors"))
    assert _equal(_tuned(pieces, in_tmp / "killed", 0), _tuned(pieces, in_tmp / "whole", 0))
    assert "continuing at step 41" in capfd.readouterr().err


def test_too_little_text_leaves_the_model_as_it_is(pieces: WordPieces, in_tmp: Path) -> None:
    model = model_of(pieces, "bert")
    before = {n: w.clone() for n, w in model.named_parameters()}
    texts = {"train": [["w1"]], "valid": [["w2"]]}
    Tuning(RUNTIME, in_tmp / "tuned").apply(model, texts, (2, 0.01), {})
    assert all(torch.equal(w, before[n]) for n, w in model.named_parameters())
