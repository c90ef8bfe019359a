"""Label budgets: nested, stratified, the same for all, and not more than a strategy wants."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.transfer.small import RUNTIME, table_of

from polyseme.data.tokenizer import WordPieces
from polyseme.models import word2vec
from polyseme.tasks import base as tasks
from polyseme.tasks.common.prepared import PreparedTask
from polyseme.transfer.evaluate import Evaluation


def test_budgets_are_nested_stratified_and_the_same_every_time() -> None:
    labels = ["a"] * 600 + ["b"] * 300 + ["c"] * 100
    split = tasks.Split([["x"]] * 1000, labels)
    found = {n: tasks.budget_items(split, n, task="t") for n in (10, 100, 500, 1000)}
    for small, large in ((10, 100), (100, 500), (500, 1000)):
        assert set(found[small]) < set(found[large])
    for size, chosen in found.items():
        shares = [sum(labels[i] == name for i in chosen) / size for name in "abc"]
        assert shares == pytest.approx([0.6, 0.3, 0.1], abs=1 / size)
    assert found[100] == tasks.budget_items(split, 100, task="t")
    assert found[100] != list(range(100))


def test_large_budgets_are_left_out_where_a_strategy_says_so(
    pieces: WordPieces, in_tmp: Path
) -> None:
    folder = in_tmp / "task"
    folder.mkdir()
    split = tasks.Split([["w1"], ["w2"]] * 20, [["a"], ["b"]] * 20)
    tasks.write(folder, dict.fromkeys(tasks.SPLITS, split), {"name": "t", "family": "tagging"})
    common = {"epochs": 1, "batch_size": 8, "head_lr": 0.1}
    options = {
        "frozen": common,
        "full": common | {"encoder_lr": 0.1, "most_items": 16},
        "scratch": common | {"encoder_lr": 0.1, "most_items": 40},
    }
    evaluation = Evaluation(
        lambda: table_of(pieces), "weights", word2vec, options, seeds=[0],
        train_sizes=["all", 8, 40], identity={}, runtime=RUNTIME, scratch=in_tmp,
    )  # fmt: skip
    found = [c for job in evaluation.jobs(PreparedTask(folder)) for c in job]
    assert [(c.strategy, c.train_size) for c in found] == [
        ("frozen", 8), ("frozen", "all"), ("full", 8), ("scratch", 8), ("scratch", "all"),
    ]  # fmt: skip


@pytest.mark.parametrize("labels", [[["n", "v"]] * 50, [1.5] * 50, [[None, "s"]] * 50])
def test_budgets_of_tagged_numbered_and_single_labels_are_nested(labels: list[Any]) -> None:
    split = tasks.Split([["x", "y"]] * 50, labels)
    assert set(tasks.budget_items(split, 9, task="t")) < set(
        tasks.budget_items(split, 30, task="t")
    )
