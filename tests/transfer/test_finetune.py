"""Fine-tuning: what learns, what stays, and that labels alone make the difference."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pytest
import torch

from polyseme import items
from polyseme.data.tokenizer import WordPieces
from polyseme.errors import DataError
from polyseme.models import random as random_module
from polyseme.models import word2vec
from polyseme.models.base import Representation, WordBatch
from polyseme.models.common.table import Table
from polyseme.runtime.settings import Runtime
from polyseme.strategies import frozen, full, scratch
from polyseme.strategies.base import Strategy
from polyseme.tasks import base as tasks
from polyseme.tasks.common.prepared import PreparedTask
from polyseme.tasks.families.base import IGNORE, get
from polyseme.transfer.batches import batches
from polyseme.transfer.cells import Cell, Outcome, Store
from polyseme.transfer.evaluate import Evaluation
from polyseme.transfer.finetune import Cellwise, predict, train
from polyseme.transfer.head import Head, HeadOptions
from polyseme.transfer.labelled import Labelled
from polyseme.transfer.vectors import Cached, Live

RUNTIME = Runtime(num_threads=1, precision="fp32", progress=False)
WORDS = [f"w{i}" for i in range(40)]
DIM = 64  # more than there are types: any labelling of them is linearly separable
COMMON = {"epochs": 6, "batch_size": 8, "head_lr": 0.05}


def _strategies() -> dict[str, Strategy]:
    return {
        "frozen": frozen.Strategy(frozen.Config(**COMMON)),
        "full": full.Strategy(full.Config(**COMMON, encoder_lr=0.01)),
        "scratch": scratch.Strategy(scratch.Config(**COMMON, encoder_lr=0.05)),
    }


def _table(pieces: WordPieces) -> Table:
    table = Table(WORDS, DIM, pieces, "zero")
    table.reset(0)
    return table


def _sentences(count: int, seed: int) -> list[list[str]]:
    random = np.random.default_rng(seed)
    return [list(random.choice(WORDS, random.integers(1, 9))) for _ in range(count)]


def _tagged(sentences: list[list[str]]) -> list[list[int]]:
    return [[int(word[1:]) % 2 for word in sentence] for sentence in sentences]


def _fit(
    pieces: WordPieces, strategy: Strategy, folder: Path, seed: int = 0, shuffle: bool = False
):  # type: ignore[no-untyped-def]
    table = _table(pieces)
    texts, tests = _sentences(150, 1), _sentences(80, 2)
    targets = _tagged(texts)
    if shuffle:
        random = np.random.default_rng(5)
        targets = [[int(random.integers(2)) for _ in row] for row in targets]
    table = strategy.start(table, seed)  # type: ignore[assignment]
    split, test = _labelled(table, texts, targets), _labelled(table, tests, _tagged(tests))
    head = train(table, strategy, split, test, _given(test, folder), seed=seed)
    table.eval()
    return table, head, _accuracy(test, predict(head, test))


def _labelled(table: Representation, texts: list[list[str]], targets: list[list[int]]) -> Labelled:
    return Labelled(Live(table, texts), [len(t) for t in texts], targets)


def _accuracy(split: Labelled, predicted: np.ndarray) -> float:
    found = split.scored(predicted, ["a", "b"])
    return float((found.gold_N == found.predicted_N).mean())


def _given(valid: Labelled, folder: Path, runtime: Runtime = RUNTIME) -> Cellwise:
    return Cellwise(get("tagging"), 2, partial(_accuracy, valid), runtime, folder)


@pytest.mark.parametrize("name", ["frozen", "full", "scratch"])
def test_every_strategy_learns_a_task_that_types_tell(
    pieces: WordPieces, tmp_path: Path, name: str
) -> None:
    assert _fit(pieces, _strategies()[name], tmp_path)[2] > 0.9


def test_shuffled_labels_give_chance(pieces: WordPieces, tmp_path: Path) -> None:
    assert 0.3 < _fit(pieces, _strategies()["full"], tmp_path, shuffle=True)[2] < 0.7


def test_frozen_leaves_the_representation_and_full_does_not(
    pieces: WordPieces, tmp_path: Path
) -> None:
    before = _table(pieces).table.weight
    assert torch.equal(_fit(pieces, _strategies()["frozen"], tmp_path)[0].table.weight, before)
    assert not torch.equal(_fit(pieces, _strategies()["full"], tmp_path)[0].table.weight, before)


def test_equal_seeds_give_equal_weights_and_other_seeds_others(
    pieces: WordPieces, tmp_path: Path
) -> None:
    first, second, other = (
        _fit(pieces, _strategies()["scratch"], tmp_path, seed)[1].classifier.weight
        for seed in (0, 0, 1)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("name", ["frozen", "full"])
def test_a_batch_without_a_label_teaches_nothing(
    pieces: WordPieces, tmp_path: Path, name: str
) -> None:
    """Batches hold items of similar length, and short ones often have no label at all."""
    table, texts = _table(pieces), [["w1"]] * 8 + [["w2", "w3"]] * 8
    strategy, targets = _strategies()[name], [[IGNORE]] * 8 + [[0, 1]] * 8
    started = strategy.start(table, 0)
    split = _labelled(started, texts, targets)
    head = train(started, strategy, split, split, _given(split, tmp_path), seed=0)
    assert _accuracy(split, predict(head, split)) == 1.0


class _Spy(torch.autograd.Function):
    """Passes a tensor on, and notes whether autocast is on, forwards and backwards."""

    seen: ClassVar[dict[str, bool]] = {}

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        _Spy.seen["forward"] = torch.is_autocast_enabled("cpu")
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        _Spy.seen["backward"] = torch.is_autocast_enabled("cpu")
        return gradient


def test_mixed_precision_is_for_the_forward_pass_alone(pieces: WordPieces, tmp_path: Path) -> None:
    class Spied(Table):
        def forward(self, batch: WordBatch) -> torch.Tensor:
            return _Spy.apply(super().forward(batch))  # type: ignore[no-any-return,no-untyped-call]

    table, texts = Spied(WORDS, DIM, pieces, "zero"), _sentences(20, 1)
    table.reset(0)
    split = Labelled(Live(table, texts), [len(t) for t in texts], _tagged(texts))
    given = _given(split, tmp_path, replace(RUNTIME, precision="bf16"))
    train(table, _without_looks(), split, split, given, seed=0)
    assert _Spy.seen == {"forward": True, "backward": False}


def _without_looks() -> Strategy:
    return full.Strategy(full.Config(**COMMON, encoder_lr=0.01, num_validations=0))


def test_rates_rise_to_the_peak_and_fall_towards_zero(pieces: WordPieces) -> None:
    strategy = full.Strategy(full.Config(**COMMON, encoder_lr=0.01, warmup=0.2))
    rates = [strategy.rate((step + 0.5) / 10) for step in range(10)]
    falling = [7.5 / 8, 6.5 / 8, 5.5 / 8, 4.5 / 8, 3.5 / 8, 2.5 / 8, 1.5 / 8, 0.5 / 8]
    assert rates == pytest.approx([0.25, 0.75, *falling])
    table = _table(pieces)
    head = Head(num_layers=1, dim=DIM, num_labels=2, family=get("tagging"), options=HeadOptions())
    assert [group["lr"] for group in strategy.groups(table, head)] == [0.01, 0.05]


def test_batches_hold_every_item_with_words_once_and_similar_lengths() -> None:
    lengths = [int(n) for n in np.random.default_rng(0).integers(0, 60, 500)]
    found = batches(lengths, 16, seed=0, epoch=0)
    assert sorted(i for b in found for i in b) == [i for i, n in enumerate(lengths) if n]
    padded = sum(len(b) * max(lengths[i] for i in b) for b in found)
    assert padded < 1.25 * sum(lengths)
    assert found == batches(lengths, 16, seed=0, epoch=0)
    assert found != batches(lengths, 16, seed=0, epoch=1)


def test_cached_vectors_are_those_of_the_representation(pieces: WordPieces) -> None:
    table, texts = _table(pieces).eval(), _sentences(9, 3)
    for chosen in ([0, 4, 8], [2]):
        live, cached = Live(table, texts)(chosen), Cached(table.encode(texts))(chosen)
        assert torch.equal(live[0], cached[0])
        assert torch.equal(live[1], cached[1])


def test_a_head_does_not_see_padding() -> None:
    torch.manual_seed(0)
    for family in map(get, items.available("family")):
        head = Head(num_layers=2, dim=8, num_labels=3, family=family, options=HeadOptions()).eval()
        h_LBTD, mask_BT = torch.randn(2, 1, 5, 8), torch.tensor([[True] * 3 + [False] * 2])
        other = h_LBTD.clone()
        other[:, :, 3:] = 1e3
        units = 3 if family.level == "word" else 1
        places_BP = torch.tensor([[0, 2, 1, 3]])
        seen, same = (head(h, mask_BT, places_BP)[:, :units] for h in (h_LBTD, other))
        assert torch.allclose(seen, same)


def test_a_label_unseen_in_training_counts_as_wrong_and_no_label_does_not_count() -> None:
    index = {"a": 0, "b": 1}
    targets = get("tagging").targets([["a", None, "new"]], index)
    assert targets == [[0, IGNORE, 2]]
    split = Labelled(lambda items: (torch.empty(0), torch.empty(0)), [3], targets)
    found = split.scored(np.array([0, 0, 1]), ["a", "b"])
    assert found.unit_N.tolist() == [0, 2]
    assert get("tagging").score(found)["accuracy"] == 0.5
    assert [found.name(n) for n in found.gold_N] == ["a", "<unseen>"]


def test_an_item_without_words_is_still_scored() -> None:
    split = Labelled(lambda items: (torch.empty(0), torch.empty(0)), [0], [[1]])
    head = Head(num_layers=1, dim=DIM, num_labels=2, family=get("tagging"), options=HeadOptions())
    found = split.scored(predict(head, split), ["a", "b"])
    assert (found.gold_N.tolist(), found.predicted_N.tolist()) == ([1], [0])


def _outcome(value: float) -> Outcome:
    table = pa.table({"split": ["test"], "gold": ["a"]})
    return Outcome({"test": {"accuracy": value}}, {"train_size": 3}, 1.5, table)


def test_a_cell_is_computed_once_and_again_when_its_file_is_damaged(tmp_path: Path) -> None:
    store, identity = Store(tmp_path), {"cell": list(Cell("t", "full", "all", 0))}

    def accuracy(identity: dict[str, Any], value: float) -> float:
        (found,) = store.get_all([identity], lambda: [_outcome(value)])
        assert found.predictions.equals(_outcome(0).predictions)
        return found.scores["test"]["accuracy"]

    assert accuracy(identity, 0.5) == 0.5
    assert accuracy(identity, 0.9) == 0.5
    assert accuracy({**identity, "numerics": 2}, 0.7) == 0.7
    for path in tmp_path.glob("*.parquet"):
        path.write_bytes(path.read_bytes()[:-1])
    assert accuracy(identity, 0.9) == 0.9


def test_a_cell_follows_from_the_source_of_its_model(pieces: WordPieces, in_tmp: Path) -> None:
    first, other = (
        Evaluation(
            lambda: _table(pieces), "weights", module, {}, seeds=[0], train_sizes=["all"],
            identity={}, runtime=RUNTIME, scratch=in_tmp,
        ).identity
        for module in (word2vec, random_module)
    )  # fmt: skip
    assert {key for key in first if first[key] != other[key]} == {"module"}


def test_more_labels_than_there_are_is_refused_before_anything_is_trained(
    pieces: WordPieces, in_tmp: Path
) -> None:
    folder = in_tmp / "task"
    folder.mkdir()
    split = tasks.Split([["w1"], ["w2"]] * 5, [["a"], ["b"]] * 5)
    card = {"name": "toy", "family": "tagging", "main_metric": "accuracy"}
    tasks.write(folder, dict.fromkeys(tasks.SPLITS, split), card)
    evaluation = Evaluation(
        lambda: _table(pieces), "weights", word2vec, {}, seeds=[0], train_sizes=[4, 11],
        identity={}, runtime=RUNTIME, scratch=in_tmp,
    )  # fmt: skip
    with pytest.raises(DataError, match="toy: has 10 training items, fewer than train_sizes"):
        list(evaluation.jobs(PreparedTask(folder)))
