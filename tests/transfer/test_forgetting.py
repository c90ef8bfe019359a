"""What fine-tuning costs a language model is measured from before the first step on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.transfer.small import COMMON, RUNTIME, model_of, table_of, texts_of

from polyseme.data.tokenizer import WordPieces
from polyseme.data.tokens import TokenStore
from polyseme.models import bert
from polyseme.strategies import lora
from polyseme.tasks import base as tasks
from polyseme.tasks.common.prepared import PreparedTask
from polyseme.training.evaluate import evaluate, held_out_batches
from polyseme.transfer.evaluate import Evaluation
from polyseme.transfer.forgetting import ROWS, Forgetting


def test_forgetting_begins_with_the_loss_before_and_grows_when_weights_are_spoilt(
    pieces: WordPieces,
) -> None:
    model = model_of(pieces, "bert")
    store = TokenStore.of(texts_of(60), pieces)
    options = replace(model.options, validation_rows=ROWS)
    wanted = evaluate(model, held_out_batches(model, store, options))["bits_per_byte"]
    for made in (model, lora.LowRank(model, rank=2, alpha=2.0, seed=0)):
        watch = Forgetting(made, lambda: store)
        assert watch.curve == [(0, 0, pytest.approx(wanted))]
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(3)
    watch(7, 1)
    assert watch.curve[1][:2] == (1, 7)
    assert watch.curve[1][2] > wanted


def _curves(
    pieces: WordPieces, folder: Path, seeds: list[int], sizes: list[int | str], **values: int
) -> dict[str, list[int]]:
    """Epochs of the curve of each cell that has one; the first loss is that before everything."""
    task = folder / "task"
    if not task.exists():
        task.mkdir()
        split = tasks.Split(texts_of(150), ["a", "b"] * 75)
        card = {"name": "t", "family": "classification"}
        tasks.write(task, dict.fromkeys(tasks.SPLITS, split), card)
    prepared, store = PreparedTask(task), TokenStore.of(texts_of(60, 3), pieces)
    options: dict[str, dict[str, Any]] = {
        "frozen": {"epochs": 1, "batch_size": 8, "head_lr": 0.1},
        "full": COMMON | values,
        "gradual": COMMON | {"lm_lr": 0.01} | values,
        "lora": COMMON | values,
    }
    evaluation = Evaluation(
        lambda: model_of(pieces, "bert"), "weights", bert, options, seeds=seeds, train_sizes=sizes,
        identity={}, runtime=RUNTIME, scratch=folder, held_out=lambda: store,
    )  # fmt: skip
    watch, found = Forgetting(model_of(pieces, "bert"), lambda: store), {}
    for job in evaluation.jobs(prepared):
        for cell, outcome in zip(job, evaluation.outcomes(prepared, "digest", job), strict=True):
            if outcome.curve:
                assert tuple(outcome.curve[0]) == watch.curve[0]
                assert outcome.curve[-1][2] != watch.curve[0][2]
                found[cell.key] = [epoch for epoch, _, _ in outcome.curve]
    return found


def test_the_first_seed_with_the_most_labels_is_watched_whatever_was_computed_before(
    pieces: WordPieces, in_tmp: Path
) -> None:
    names = ("full", "gradual", "lora")
    for seeds, sizes, chosen in (
        ([0, 1], [16, 32], "32/0"),
        ([1, 0], [16, 32], "32/1"),
        ([0, 1], [16], "16/0"),
        ([0], [32], "32/0"),
    ):
        found = _curves(pieces, in_tmp, seeds, [*sizes], epochs=2)
        assert list(found) == [f"t/{name}/{chosen}" for name in names]


def test_a_curve_has_an_end_where_nothing_is_validated(pieces: WordPieces, in_tmp: Path) -> None:
    found = _curves(pieces, in_tmp, [0], [16], epochs=3, num_validations=0)
    assert [*found.values()] == [[0, 3], [0, 5], [0, 3]]


def test_a_table_forgets_nothing(pieces: WordPieces) -> None:
    watch = Forgetting(table_of(pieces), lambda: TokenStore.of(texts_of(9), pieces))
    watch(1, 1)
    assert watch.curve == []
