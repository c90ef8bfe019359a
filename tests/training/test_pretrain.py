"""Pre-training: batches by counting, exact resume, and what happens when a loss is no number."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from polyseme.data.tokenizer import WordPieces
from polyseme.data.tokens import TokenStore
from polyseme.draws import philox
from polyseme.errors import DataError, NumericsError
from polyseme.models import bert, electra, gpt, gpt_bert
from polyseme.runtime.settings import Runtime
from polyseme.training.batches import Rows, in_text_order
from polyseme.training.checkpoint import Checkpoints
from polyseme.training.loop import pretrain
from polyseme.training.pretrain import Pretraining

RUNTIME = Runtime(num_threads=1, precision="fp32", progress=False, checkpoint_seconds=1e-6)
SELDOM = replace(RUNTIME, checkpoint_seconds=1e6)


def _store(tokens: int, seed: int = 0) -> TokenStore:
    random = np.random.default_rng(seed)
    ids = random.integers(5, 300, tokens).astype(np.uint16)
    flags = random.integers(0, 2, tokens).astype(np.uint8)
    return TokenStore(ids, flags, int((flags == 1).sum()))


def _options(module: Any = bert, **values: Any) -> Any:
    base = {
        "dim": 16, "num_layers": 1, "num_heads": 2, "dim_ff": 32, "batch_size": 4,
        "sequence_length": 16, "budget": 12, "budget_unit": "steps", "num_validations": 3,
        "validation_rows": 8, "dropout": 0.1,
    }  # fmt: skip
    return module.Config(**(base | values))


def _train(pieces: WordPieces, folder: Path, options: Any, module: Any = bert) -> Pretraining:
    model = module.Model(options, pieces)
    stores = {"train": _store(2000), "valid": _store(500, 1)}
    return pretrain(
        model, options, stores, seed=3, runtime=RUNTIME, scratch=folder, log=lambda row, step: None
    )


def _weights(module: Pretraining) -> torch.Tensor:
    return torch.cat([w.detach().flatten() for w in module.model.parameters()])


def test_each_epoch_shows_every_row_once_in_another_order_and_from_another_first_token() -> None:
    store = _store(1000)
    rows = Rows(store, length=16, seed=0)
    assert rows.num_rows == 61
    epochs = [rows.at(range(61 * e, 61 * (e + 1)))[0] for e in range(2)]
    starts = [{bytes(row.astype(np.uint16)) for row in epoch} for epoch in epochs]
    assert all(len(s) == 61 for s in starts)
    assert starts[0] != starts[1]
    again = Rows(store, length=16, seed=0).at(range(70, 75))[0]
    assert (again == epochs[1][9:14]).all()
    assert (Rows(store, length=16, seed=1).at(range(61))[0] != epochs[0]).any()


def test_the_order_of_rows_is_a_permutation_of_numpy_in_four_bytes_a_row() -> None:
    _, order = Rows(_store(1000), length=16, seed=3)._order(2)
    random = philox(3, 1, 2)
    random.integers(16)
    assert (order == random.permutation(61)).all()
    assert order.itemsize == 4


def test_rows_are_text_as_it_stands() -> None:
    ids = np.arange(100, dtype=np.uint16)
    rows = Rows(TokenStore(ids, np.ones(100, np.uint8), 100), length=10, seed=0)
    assert (np.diff(rows.at(range(5))[0], axis=1) == 1).all()


@pytest.mark.parametrize("make", [lambda s: Rows(s, length=64, seed=0),
                                  lambda s: in_text_order(s, length=64, rows=3)])  # fmt: skip
def test_a_split_shorter_than_a_row_is_refused(make: Any) -> None:
    with pytest.raises(DataError, match="sequence_length"):
        make(_store(40))


def test_draws_depend_on_their_key_alone() -> None:
    philox(1, 2, 3).random(1000)
    assert philox(1, 2, 4).random() == philox(1, 2, 4).random()
    assert philox(1, 2, 4).random() != philox(1, 2, 3).random()


@pytest.mark.parametrize(
    "case",
    [
        (bert, {}, (1, 5, 11)),
        (bert, {"mask_ratio": 0.4, "mask_ratio_end": 0.1, "mask_words": True}, (5,)),
        (gpt, {"positions": "rotary"}, (5,)),
        (electra, {}, (5,)),
        (gpt_bert, {"masked_share": 0.6}, (5,)),
    ],
)
def test_a_run_stopped_at_any_step_and_continued_has_the_same_weights_and_history(
    pieces: WordPieces,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    case: tuple[Any, dict[str, Any], tuple[int, ...]],
) -> None:
    module, values, limits = case
    options = _options(module, **values)
    whole = _train(pieces, tmp_path / "whole", options, module)
    step = Pretraining.training_step

    class Killed(BaseException):
        pass

    def until(limit: int) -> Any:
        def limited(self: Pretraining, batch: Any, number: int) -> None:
            if self.step == limit:
                raise Killed
            step(self, batch, number)

        return limited

    for limit in limits:
        monkeypatch.setattr(Pretraining, "training_step", until(limit))
        with pytest.raises(Killed):
            _train(pieces, tmp_path / "killed", options, module)
    monkeypatch.setattr(Pretraining, "training_step", step)
    continued = _train(pieces, tmp_path / "killed", options, module)
    assert torch.equal(_weights(continued), _weights(whole))
    assert continued.rows == whole.rows
    assert continued.words_seen == whole.words_seen
    at_the_end = _train(pieces, tmp_path / "killed", options, module)
    assert torch.equal(_weights(at_the_end), _weights(whole))
    assert at_the_end.rows == whole.rows


@pytest.mark.parametrize(
    ("module", "values"),
    [
        (bert, {}),
        (gpt, {}),
        (electra, {"generator_divisor": 1, "mask_ratio": 0.25, "budget": 500}),
        (gpt_bert, {}),
    ],
)
def test_training_lowers_the_loss(
    pieces: WordPieces, tmp_path: Path, module: Any, values: dict[str, Any]
) -> None:
    ids = np.tile(np.arange(5, 9), 500).astype(np.uint16)  # a text that repeats itself
    store = TokenStore(ids, np.ones(len(ids), np.uint8), len(ids))
    sizes = {"budget": 300, "batch_size": 16, "num_layers": 2, "dropout": 0.0, "dim": 32}
    options = _options(module, **(sizes | values))
    made = pretrain(
        module.Model(options, pieces), options, {"train": store, "valid": store},
        seed=0, runtime=SELDOM, scratch=tmp_path, log=lambda row, step: None,
    )  # fmt: skip
    losses = [row["valid_loss"] for row in made.rows if "valid_loss" in row]
    assert len(losses) == 3
    assert losses[-1] < 1.0
    assert losses[-1] < losses[0] - 0.5 or losses[-1] < 0.2


def test_a_loss_that_is_no_number_stops_names_the_step_and_keeps_the_last_good_state(
    pieces: WordPieces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = bert.Model.losses
    calls = []

    def broken(self: bert.Model, batch: dict[str, torch.Tensor]) -> Any:
        found = losses(self, batch)
        if self.training:
            calls.append(1)
        return found._replace(nats=found.nats * float("nan")) if len(calls) == 8 else found

    monkeypatch.setattr(bert.Model, "losses", broken)
    with pytest.raises(NumericsError, match=r"step 7: loss nan.*last good state is kept"):
        _train(pieces, tmp_path, _options())
    kept = Checkpoints(tmp_path / "checkpoints").newest()
    assert kept is not None
    assert kept.step == 7
    assert all(torch.isfinite(t).all() for t in kept.tensors.values())


def test_a_budget_of_nothing_leaves_the_random_weights(pieces: WordPieces, tmp_path: Path) -> None:
    options = _options(budget=0)
    module = _train(pieces, tmp_path, options)
    fresh = bert.Model(options, pieces)
    fresh.reset(3)
    assert module.step == 0
    assert torch.equal(_weights(module), torch.cat([w.flatten() for w in fresh.parameters()]))
