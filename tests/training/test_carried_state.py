"""Contiguous streams, carried states, exact resume of recurrent models, NT-ASGD."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from polyseme.data.tokenizer import WordPieces
from polyseme.data.tokens import TokenStore
from polyseme.errors import DataError
from polyseme.models import awd_lstm, elmo
from polyseme.runtime.settings import Runtime
from polyseme.training.batches import Streams
from polyseme.training.loop import pretrain
from polyseme.training.ntasgd import NTASGD, worse
from polyseme.training.pretrain import Pretraining

RUNTIME = Runtime(num_threads=1, precision="fp32", progress=False, checkpoint_seconds=1e-6)


def _store(tokens: int, seed: int = 0) -> TokenStore:
    random = np.random.default_rng(seed)
    ids = random.integers(5, 300, tokens).astype(np.uint16)
    flags = random.integers(0, 2, tokens).astype(np.uint8)
    return TokenStore(ids, flags, int((flags == 1).sum()))


def _awd_lstm(**values: Any) -> awd_lstm.Config:
    base: dict[str, Any] = {
        "dim": 8, "hidden_dim": 12, "num_layers": 2, "batch_size": 4, "sequence_length": 16,
        "budget": 12, "budget_unit": "steps", "num_validations": 3, "validation_rows": 8,
        "optimizer": "adamw", "restart": 0.3,
    }  # fmt: skip
    return awd_lstm.Config(**(base | values))


def _elmo(**values: Any) -> elmo.Config:
    base: dict[str, Any] = {
        "dim": 8, "cell_dim": 12, "batch_size": 4, "sequence_length": 16, "budget": 12,
        "budget_unit": "steps", "num_validations": 3, "validation_rows": 8, "optimizer": "adamw",
        "dropout": 0.1, "character_dim": 4, "filters": ((1, 4), (3, 8)),
    }  # fmt: skip
    return elmo.Config(**(base | values))


def _train(pieces: WordPieces, folder: Path, options: Any) -> Pretraining:
    module: Any = awd_lstm if isinstance(options, awd_lstm.Config) else elmo
    stores = {"train": _store(2000), "valid": _store(500, 1)}
    return pretrain(
        module.Model(options, pieces), options, stores, seed=3, scratch=folder,
        runtime=RUNTIME, log=lambda row, step: None,
    )  # fmt: skip


def _weights(module: Pretraining) -> torch.Tensor:
    return torch.cat([w.detach().flatten() for w in module.model.parameters()])


def _states(model: torch.nn.Module) -> list[torch.Tensor]:
    return [buffer for name, buffer in model.named_buffers() if name.endswith("_BH")]


def test_readers_continue_where_they_stood_and_together_read_each_token_once_an_epoch() -> None:
    ids = np.arange(240, dtype=np.uint16)
    streams = Streams(TokenStore(ids, np.ones(240, np.uint8), 240), length=10, rows=4, seed=0)
    steps = [streams.at(range(4 * s, 4 * (s + 1)))[0] for s in range(12)]
    assert all(step.shape == (4, 11) for step in steps)
    for before, after in pairwise(steps):
        assert (before[:, -1] == after[:, 0]).all()
    epoch = np.concatenate([step[:, 1:] for step in steps[:6]])
    assert sorted(epoch.ravel()) == list(range(240))
    assert (steps[6][0] == steps[0][1]).all()  # a reader goes on with the next one's part
    again = Streams(streams.store, length=10, rows=4, seed=0).at(range(20, 24))[0]
    assert (again == steps[5]).all()


def test_a_split_with_fewer_rows_than_readers_is_refused() -> None:
    with pytest.raises(DataError, match=r"fewer than 4 rows of 64.*batch_size"):
        Streams(_store(200), length=64, rows=4, seed=0)


def test_a_state_carried_over_batches_is_that_of_the_whole_text(pieces: WordPieces) -> None:
    rates = {f"{n}_dropout": 0.0 for n in ("embedding", "input", "hidden", "weight", "output")}
    options = _awd_lstm(ar=0.0, tar=0.0, restart=0.0, **rates)
    model = awd_lstm.Model(options, pieces)
    model.reset(0)
    ids_BS = torch.from_numpy(np.random.default_rng(0).integers(5, 300, (4, 33)))
    whole = model.eval().losses({"ids_BS": ids_BS}).nats
    model.train().begin_stream(4)
    nats = torch.zeros(())
    for start in (0, 16):
        made = model.make_batch(
            ids_BS[:, start : start + 17].numpy(), np.ones((4, 17)), np.random.default_rng(0)
        )
        nats = nats + model.losses({k: torch.from_numpy(v) for k, v in made.items()}).nats
        model.step_taken()
    assert torch.allclose(nats, whole, rtol=1e-6)


@pytest.mark.parametrize(
    "options",
    [_awd_lstm(), _awd_lstm(optimizer="ntasgd", num_validations=12, ntasgd_patience=1, lr=3.0),
     _elmo()],
    ids=["awd_lstm", "ntasgd", "elmo"],
)  # fmt: skip
def test_a_run_stopped_at_any_step_and_continued_has_the_same_weights_and_history(
    pieces: WordPieces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: Any
) -> None:
    whole = _train(pieces, tmp_path / "whole", options)
    step = Pretraining.training_step

    class Killed(BaseException):
        pass

    def until(limit: int) -> Any:
        def limited(self: Pretraining, batch: Any, number: int) -> None:
            if self.step == limit:
                raise Killed
            step(self, batch, number)

        return limited

    for limit in (1, 7, 11):
        monkeypatch.setattr(Pretraining, "training_step", until(limit))
        with pytest.raises(Killed):
            _train(pieces, tmp_path / "killed", options)
    monkeypatch.setattr(Pretraining, "training_step", step)
    continued = _train(pieces, tmp_path / "killed", options)
    losses = [row["valid_loss"] for row in whole.rows if "valid_loss" in row]
    if options.optimizer == "ntasgd":
        assert any(worse(losses[:n], options.ntasgd_patience) for n in range(len(losses)))
    assert torch.equal(_weights(continued), _weights(whole))
    assert continued.rows == whole.rows
    assert continued.words_seen == whole.words_seen
    at_the_end = _train(pieces, tmp_path / "killed", options)
    assert torch.equal(_weights(at_the_end), _weights(whole))
    assert at_the_end.rows == whole.rows


def test_a_step_that_was_not_taken_leaves_the_state_as_it_was(pieces: WordPieces) -> None:
    model = awd_lstm.Model(_awd_lstm(), pieces)
    model.reset(0)
    model.train().begin_stream(4)
    made = model.make_batch(np.full((4, 17), 9), np.ones((4, 17)), np.random.default_rng(0))
    batch = {key: torch.from_numpy(value) for key, value in made.items()}
    model.losses(batch)
    assert all(not bool(buffer.any()) for buffer in _states(model))
    model.step_taken()
    assert all(bool(buffer.any()) for buffer in _states(model))


def test_averaging_begins_as_in_the_authors_rule() -> None:
    """Their code: before the n-th last loss there was a better one than this one."""
    random = np.random.default_rng(0)
    for patience in (1, 3, 5):
        losses = list(random.random(12))
        for now in range(1, 12):
            best = losses[:now]
            expected = len(best) > patience and losses[now] > min(best[:-patience])
            assert worse(losses[: now + 1], patience) == expected


def test_ntasgd_goes_the_way_of_torchs_asgd_and_keeps_the_mean_of_its_weights() -> None:
    torch.manual_seed(0)
    ours, theirs = (torch.nn.Linear(3, 2) for _ in range(2))
    theirs.load_state_dict(ours.state_dict())
    optimizer = NTASGD(ours.parameters(), lr=0.01, weight_decay=0.01, patience=1)
    reference = torch.optim.ASGD(theirs.parameters(), lr=0.01, lambd=0.0, t0=0, weight_decay=0.01)
    optimizer.watch([1.0, 0.5, 2.0])
    seen = [ours.weight.detach().clone()]
    for number in range(5):
        inputs = torch.full((4, 3), float(number))
        for model, stepper in ((ours, optimizer), (theirs, reference)):
            stepper.zero_grad()
            model(inputs).square().sum().backward()
            stepper.step()
        seen.append(ours.weight.detach().clone())
    assert torch.allclose(ours.weight, theirs.weight, atol=1e-6)
    with optimizer.averaged():
        assert torch.allclose(ours.weight, torch.stack(seen).mean(0), atol=1e-6)
    assert torch.equal(ours.weight, seen[-1])
