"""What each strategy trains, and how fast: plans, rates, factors, tuning, forgetting, stacking."""

from __future__ import annotations

import multiprocessing
import os
import signal
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from polyseme.config import build
from polyseme.data.tokenizer import WordPieces
from polyseme.data.tokens import TokenStore
from polyseme.models import awd_lstm, bert, elmo, word2vec
from polyseme.models.base import Representation
from polyseme.models.common.language_model import LanguageModel
from polyseme.models.common.stacked import Stacked
from polyseme.models.common.table import Table
from polyseme.runtime.settings import Runtime
from polyseme.strategies import frozen_bilstm, full, gradual, lora, stack
from polyseme.strategies.base import Strategy
from polyseme.tasks import base as tasks
from polyseme.tasks.common.prepared import PreparedTask
from polyseme.tasks.families.base import get
from polyseme.training.checkpoint import Checkpoints
from polyseme.training.evaluate import evaluate, held_out_batches
from polyseme.transfer.evaluate import Evaluation
from polyseme.transfer.finetune import Cellwise, predict, train
from polyseme.transfer.forgetting import ROWS, Forgetting
from polyseme.transfer.head import Head, HeadOptions, pooled
from polyseme.transfer.labelled import Labelled
from polyseme.transfer.tuning import Tuning
from polyseme.transfer.vectors import Live

WORDS = [f"w{i}" for i in range(40)]
RUNTIME = Runtime(num_threads=1, precision="fp32", progress=False)
COMMON = {"epochs": 4, "batch_size": 8, "head_lr": 0.02, "encoder_lr": 0.01}
SMALL = {"batch_size": 4, "sequence_length": 16}
SIZES = {
    "bert": {"dim": 16, "num_layers": 3, "num_heads": 2, "dim_ff": 32},
    "awd_lstm": {"dim": 16, "hidden_dim": 20, "num_layers": 2},
    "elmo": {"dim": 16, "cell_dim": 12, "character_dim": 4, "filters": [[1, 4], [3, 8]]},
}


def _model(pieces: WordPieces, name: str) -> LanguageModel:
    module: Any = {"bert": bert, "awd_lstm": awd_lstm, "elmo": elmo}[name]
    made: LanguageModel = module.Model(build(module.Config, SMALL | SIZES[name], file=name), pieces)
    made.reset(0)
    return made.eval()


def _table(pieces: WordPieces, dim: int = 8) -> Table:
    table = Table(WORDS, dim, pieces, "zero")
    table.reset(0)
    return table.eval()


def _texts(count: int = 60, seed: int = 0) -> list[list[str]]:
    random = np.random.default_rng(seed)
    return [list(random.choice(WORDS[:6], random.integers(3, 9))) for _ in range(count)]


def _gradual(**values: Any) -> gradual.Strategy:
    return gradual.Strategy(gradual.Config(**COMMON | values))  # type: ignore[arg-type]


def _plan(strategy: gradual.Strategy, layers: int) -> list[list[int]]:
    """Depths that learn in each of the epochs that the plan needs."""
    epochs = strategy.least_epochs(layers)
    return [
        [d for d in range(layers + 1) if strategy.learns(d, layers, epoch / epochs)]
        for epoch in range(epochs)
    ]


def test_layers_are_unfrozen_from_the_top() -> None:
    assert _plan(_gradual(), 3) == [[3], [2, 3], [1, 2, 3], [0, 1, 2, 3]]


def test_chain_thaw_trains_the_head_then_each_layer_alone_then_all() -> None:
    found = _plan(_gradual(unfreezing="chain_thaw"), 3)
    assert found == [[3], [0], [1], [2], [0, 1, 2, 3]]


def test_without_unfreezing_everything_learns_from_the_start() -> None:
    assert _plan(_gradual(unfreezing="none"), 3) == [[0, 1, 2, 3]]


@pytest.mark.parametrize("name", ["bert", "awd_lstm", "elmo"])
def test_lower_layers_are_slower_and_every_weight_is_in_one_group(
    pieces: WordPieces, name: str
) -> None:
    model = _model(pieces, name)
    head = nn.Linear(2, 2)
    *layers, of_head = _gradual().groups(model, head)
    assert [group["depth"] for group in layers] == list(range(model.num_layers))
    rates = [group["lr"] for group in layers]
    assert rates[-1] == 0.01
    assert [b / a for a, b in pairwise(rates)] == pytest.approx([2.6] * (model.num_layers - 1))
    assert of_head["lr"] == 0.02
    grouped = [id(w) for group in layers for w in group["params"]]
    assert sorted(grouped) == sorted(id(w) for w in model.parameters())
    *same, _ = _gradual(discriminative=1.0).groups(model, head)
    assert {group["lr"] for group in same} == {0.01}


def test_the_slanted_triangle_is_that_of_the_paper() -> None:
    """Equation 3 of Howard & Ruder 2018 with T = 1000, cut_frac = 0.1, ratio = 32."""
    steps, cut = 1000, 100

    def paper(t: int) -> float:
        p = t / cut if t < cut else 1 - (t - cut) / (cut * (1 / 0.1 - 1))
        return (1 + p * (32 - 1)) / 32

    found = [_gradual().rate(t / steps) for t in range(steps)]
    assert found == pytest.approx([paper(t) for t in range(steps)])
    assert _gradual(slanted=False).rate(0.55) == pytest.approx(0.5)


def test_concatenated_pooling_is_last_maximum_and_mean_without_padding() -> None:
    h = torch.tensor([[[1.0, -5.0], [3.0, -1.0], [9.0, 9.0]]])
    mask = torch.tensor([[True, True, False]])
    assert pooled(h, mask).tolist() == [[3.0, -1.0, 3.0, -1.0, 2.0, -3.0]]
    options = HeadOptions(pooling="concat")
    widths = [
        Head(num_layers=1, dim=4, num_labels=2, family=get(n), options=options).classifier
        for n in ("classification", "tagging", "pair")
    ]
    assert [layer.in_features for layer in widths] == [12, 4, 8]


def test_a_bilstm_head_does_not_read_padding_and_depends_on_neighbours() -> None:
    strategy = frozen_bilstm.Strategy(
        frozen_bilstm.Config(epochs=1, batch_size=2, head_lr=0.1, lstm_dim=5)
    )
    torch.manual_seed(0)
    head = Head(
        num_layers=2, dim=8, num_labels=3, family=get("tagging"), options=strategy.head
    ).eval()
    h, mask = torch.randn(2, 1, 5, 8), torch.tensor([[True] * 3 + [False] * 2])
    other, changed = h.clone(), h.clone()
    other[:, :, 3:], changed[:, :, 2] = 50.0, 50.0
    seen, same, moved = (head(x, mask)[:, :3] for x in (h, other, changed))
    assert torch.allclose(seen, same)
    assert not torch.allclose(seen[:, 0], moved[:, 0])


@pytest.mark.parametrize("name", ["bert", "awd_lstm", "elmo"])
def test_low_rank_factors_start_at_nothing_and_alone_learn(pieces: WordPieces, name: str) -> None:
    model, texts = _model(pieces, name), _texts(4)
    before, weights = model.encode(texts), {n: w.clone() for n, w in model.named_parameters()}
    strategy = lora.Strategy(lora.Config(**COMMON, rank=2))  # type: ignore[arg-type]
    adapted = strategy.start(model, 0)
    assert all(map(torch.equal, adapted.encode(texts), before))
    head = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(strategy.groups(adapted, head), lr=1.0)
    for _ in range(2):  # in the first step B alone has a gradient
        optimizer.zero_grad()
        adapted(adapted.prepare(texts)).square().sum().backward()
        optimizer.step()
    learned = [w for w in adapted.parameters() if w.requires_grad]
    assert sum(w.numel() for w in learned) < 0.6 * model.num_parameters()
    assert all(torch.equal(w, weights[n]) for n, w in model.named_parameters())
    changed = adapted.encode(texts)
    assert not all(map(torch.allclose, changed, before))
    for one, other in zip(adapted.merged().encode(texts), changed, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)
    matrices = {n for n, w in model.named_parameters() if not torch.equal(w, weights[n])}
    assert matrices
    assert all(model.depth(n) for n in matrices)


def test_low_rank_update_is_that_of_the_paper(pieces: WordPieces) -> None:
    """h = W x + alpha / r B A x, for one matrix by hand."""
    model = _model(pieces, "bert")
    adapted = lora.LowRank(model, rank=2, alpha=6.0, seed=1)
    number = adapted.names.index("encoder.blocks.1.up.weight")
    nn.init.normal_(adapted.up[number])
    x = torch.randn(16)
    by_hand = model.encoder.blocks[1].up.weight @ x + 3.0 * (  # type: ignore[attr-defined,index,union-attr]
        adapted.up[number] @ (adapted.down[number] @ x)
    )
    torch.testing.assert_close(adapted.adapted()["encoder.blocks.1.up.weight"] @ x, by_hand)


def test_tables_are_refused_with_a_reason(pieces: WordPieces) -> None:
    table = _table(pieces)
    assert "one layer" in str(_gradual().refuses(table))
    assert "no layer above" in str(
        lora.Strategy(lora.Config(**COMMON)).refuses(table)  # type: ignore[arg-type]
    )
    assert _gradual().refuses(_model(pieces, "bert")) is None


@pytest.mark.parametrize("name", ["bert", "awd_lstm", "elmo"])
def test_a_language_model_goes_on_with_the_text_of_a_task_once(
    pieces: WordPieces, in_tmp: Path, name: str
) -> None:
    texts = {"train": _texts(150), "valid": _texts(60, 1)}
    model, again = _model(pieces, name), _model(pieces, name)
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
    third = _model(pieces, name)
    tuning.apply(third, texts, (15, 0.005), {"model": name})
    assert evaluate(third, batches)["loss"] == evaluate(model, batches)["loss"]


def _tuned(
    pieces: WordPieces, folder: Path, seed: int, checkpoint_seconds: float = 1e-4
) -> dict[str, torch.Tensor]:
    """Weights after some passes over the texts of a seed."""
    model = _model(pieces, "awd_lstm")
    texts = {"train": _texts(150, seed), "valid": _texts(60, seed + 1)}
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
    model = _model(pieces, "bert")
    before = {n: w.clone() for n, w in model.named_parameters()}
    texts = {"train": [["w1"]], "valid": [["w2"]]}
    Tuning(RUNTIME, in_tmp / "tuned").apply(model, texts, (2, 0.01), {})
    assert all(torch.equal(w, before[n]) for n, w in model.named_parameters())


def test_forgetting_begins_with_the_loss_before_and_grows_when_weights_are_spoilt(
    pieces: WordPieces,
) -> None:
    model = _model(pieces, "bert")
    store = TokenStore.of(_texts(60), pieces)
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
        split = tasks.Split(_texts(150), ["a", "b"] * 75)
        card = {"name": "t", "family": "classification"}
        tasks.write(task, dict.fromkeys(tasks.SPLITS, split), card)
    prepared, store = PreparedTask(task), TokenStore.of(_texts(60, 3), pieces)
    options: dict[str, dict[str, Any]] = {
        "frozen": {"epochs": 1, "batch_size": 8, "head_lr": 0.1},
        "full": COMMON | values,
        "gradual": COMMON | {"lm_lr": 0.01} | values,
        "lora": COMMON | values,
    }
    evaluation = Evaluation(
        lambda: _model(pieces, "bert"), "weights", bert, options, seeds=seeds, train_sizes=sizes,
        identity={}, runtime=RUNTIME, scratch=folder, held_out=lambda: store,
    )  # fmt: skip
    watch, found = Forgetting(_model(pieces, "bert"), lambda: store), {}
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


@pytest.mark.parametrize("strategy", ["full", "gradual", "lora"])
def test_half_precision_learns_the_same_within_tolerance(
    pieces: WordPieces, tmp_path: Path, strategy: str
) -> None:
    """Words are odd or even; scores and the chances of each label are alike."""
    values: Any = COMMON | {"epochs": 8, "dropout": 0.0}
    kinds: dict[str, Strategy] = {
        "full": full.Strategy(full.Config(**values)),
        "gradual": gradual.Strategy(gradual.Config(**values)),
        "lora": lora.Strategy(lora.Config(**values)),
    }
    texts, scores, chances = _texts(30), [], []
    for precision in ("fp32", "bf16"):
        model = kinds[strategy].start(_model(pieces, "bert"), 0)
        targets = [[int(word[1:]) % 2 for word in words] for words in texts]
        split = Labelled(Live(model, texts), [len(words) for words in texts], targets)
        runtime = replace(RUNTIME, precision=precision)
        given = Cellwise(
            get("tagging"),
            2,
            lambda p, split=split: float((p == split.gold_N).mean()),
            runtime,
            tmp_path,
        )
        head = train(model, kinds[strategy], split, split, given, seed=0)
        scores.append(given.score(predict(head, split)))
        with torch.no_grad():
            chances.append(split.logits(head, range(len(texts))).softmax(-1))
    assert min(scores) > 0.8
    assert scores[0] == pytest.approx(scores[1], abs=0.05)
    assert 0 < (chances[0] - chances[1]).abs().max() < 0.05


def test_a_table_forgets_nothing(pieces: WordPieces) -> None:
    watch = Forgetting(_table(pieces), lambda: TokenStore.of(_texts(9), pieces))
    watch(1, 1)
    assert watch.curve == []


def test_stacked_vectors_are_both_and_the_same_in_any_batch(pieces: WordPieces) -> None:
    model, table, texts = _model(pieces, "bert"), _table(pieces), _texts(7)
    both: Representation = Stacked(model, table)
    assert (both.num_layers, both.dim) == (4, 24)
    found = both.encode(texts)
    for words, h in zip(texts, found, strict=True):
        alone = both.encode([words])[0]
        torch.testing.assert_close(alone, h, atol=1e-5, rtol=1e-4)
        vectors = table.encode([words])[0][0]
        normal = torch.nn.functional.layer_norm(vectors, vectors.shape[-1:])
        assert all(torch.allclose(layer[:, 16:], normal) for layer in h)
    strategy = stack.Strategy(
        stack.Config(epochs=1, batch_size=2, head_lr=0.1, partner="table", models=("bert",))
    )
    assert strategy.refuses(both) is None
    assert strategy.refuses(model) == "needs a partner"


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
        lambda: _table(pieces), "weights", word2vec, options, seeds=[0], train_sizes=["all", 8, 40],
        identity={}, runtime=RUNTIME, scratch=in_tmp,
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
