"""The signal of a scheduler while pre-training runs."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import torch
from tests.executors import training_project as project

from polyseme.data.tokenizer import WordPieces
from polyseme.errors import PreemptedError
from polyseme.models import bert
from polyseme.runtime import preempt
from polyseme.runtime.settings import Runtime
from polyseme.training.checkpoint import Checkpoints
from polyseme.training.pretrain import Pretraining

AT = 7


@pytest.fixture
def tokenizer(pieces: WordPieces, tmp_path: Path) -> Path:
    pieces.tokenizer.save(str(tmp_path / "tokenizer.json"))
    return tmp_path / "tokenizer.json"


def _train(tokenizer: Path, scratch: Path) -> Pretraining:
    options, runtime = bert.Config(**project.OPTIONS), Runtime(**project.RUNTIME)
    made: Pretraining = project.train(options, tokenizer, runtime, scratch)
    return made


def test_a_whole_step_is_taken_and_saved_and_the_rest_is_the_same_to_the_last_bit(
    tokenizer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _train(tokenizer, tmp_path / "whole")
    assert signal.getsignal(preempt.SIGNAL) == signal.SIG_DFL
    step = Pretraining.training_step

    def signalled(self: Pretraining, batch: object, number: int) -> None:
        if self.step == AT:
            os.kill(os.getpid(), preempt.SIGNAL)
        step(self, batch, number)

    monkeypatch.setattr(Pretraining, "training_step", signalled)
    with pytest.raises(PreemptedError, match=r"^step 9: preempted; its state is saved"):
        _train(tokenizer, tmp_path / "preempted")
    signal.signal(preempt.SIGNAL, signal.SIG_DFL)
    monkeypatch.setattr(Pretraining, "training_step", step)
    kept = Checkpoints(tmp_path / "preempted/checkpoints").newest()
    assert kept is not None
    assert kept.step == AT + 2
    continued = _train(tokenizer, tmp_path / "preempted")
    for one, other in zip(whole.model.parameters(), continued.model.parameters(), strict=True):
        assert torch.equal(one, other)
    assert continued.rows == whole.rows
