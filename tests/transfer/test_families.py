"""Spans, senses and pairs of spans from labels to results: heads, probes and baselines."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from polyseme.baselines import base as baselines
from polyseme.data.tokenizer import WordPieces
from polyseme.models import bert, word2vec
from polyseme.models.common.table import Table
from polyseme.probes import base as probes
from polyseme.probes.common.evaluate import evaluate as probe
from polyseme.runtime.settings import Runtime
from polyseme.tasks import base as tasks
from polyseme.tasks.base import Split
from polyseme.tasks.common.prepared import PreparedTask
from polyseme.tasks.families.base import get, restrict
from polyseme.transfer.evaluate import Evaluation

RUNTIME = Runtime(num_threads=1, precision="fp32", progress=False)
WORDS = [f"w{i}" for i in range(40)]
DIM = 64
KEYS = 4
NEW = "k9%0"
STRATEGIES = {
    "full": {"epochs": 8, "batch_size": 8, "head_lr": 0.05, "encoder_lr": 0.01},
    "frozen": {"epochs": 8, "batch_size": 8, "head_lr": 0.05},
}


def _texts(count: int, seed: int) -> list[list[str]]:
    random = np.random.default_rng(seed)
    return [list(random.choice(WORDS, random.integers(3, 9))) for _ in range(count)]


def _number(word: str) -> int:
    return int(word[1:])


def _span(count: int, seed: int) -> Split:
    texts = _texts(count, seed)
    tags = ["O", "B-X", "I-X", "O"]
    return Split(texts, [[tags[_number(word) % 4] for word in words] for words in texts])


def _word_sense(count: int, seed: int) -> Split:
    """Up to three marked words; the sense follows from the word, the key from its number."""
    random = np.random.default_rng(seed + 100)
    texts = _texts(count, seed)
    places = [
        sorted(map(int, random.permutation(len(words))[: random.integers(1, 4)])) for words in texts
    ]
    keys = [
        [f"k{_number(words[p]) % KEYS}" for p in at]
        for words, at in zip(texts, places, strict=True)
    ]
    labels = [
        [f"{key}%{_number(words[p]) // 15}" for key, p in zip(of, at, strict=True)]
        for words, at, of in zip(texts, places, keys, strict=True)
    ]
    return Split(texts, labels, places, keys=keys)


def _span_pair(count: int, seed: int) -> Split:
    """Which of the two spans has the larger number?"""
    texts = [[*words[:1], words[1], *words] for words in _texts(count, seed)]
    labels = ["R(e1,e2)" if _number(w[0]) > _number(w[1]) else "R(e2,e1)" for w in texts]
    labels = ["Other" if w[0] == w[1] else label for w, label in zip(texts, labels, strict=True)]
    return Split(texts, labels, [[0, 1, 1, 2]] * count)


MAKE = {"span": _span, "word_sense": _word_sense, "span_pair": _span_pair}


def _prepared(family: str, folder: Path, **changes: Split) -> PreparedTask:
    splits = {n: MAKE[family](*size) for n, size in zip(tasks.SPLITS, SIZES, strict=True)} | changes
    folder.mkdir()
    card = {"name": "toy", "family": family, "main_metric": get(family).main_metric}
    tasks.write(folder, splits, card)
    return PreparedTask(folder)


SIZES = ((300, 1), (20, 2), (80, 3))


def _table(pieces: WordPieces) -> Table:
    table = Table(WORDS, DIM, pieces, "zero")
    table.reset(0)
    return table


def _bert(pieces: WordPieces) -> bert.Model:
    options = bert.Config(
        dim=32, num_layers=2, num_heads=2, dim_ff=64, max_length=64, sequence_length=8
    )
    model = bert.Model(options, pieces)
    model.reset(0)
    return model


def _outcome(
    task: PreparedTask, strategy: str, pieces: WordPieces, folder: Path, load: Any = _table
) -> Any:
    evaluation = Evaluation(
        lambda: load(pieces), "weights", word2vec, {strategy: STRATEGIES[strategy]},
        seeds=[0], train_sizes=["all"], identity={}, runtime=RUNTIME, scratch=folder,
    )  # fmt: skip
    return evaluation.outcomes(task, "labels", next(evaluation.jobs(task)))[0]


@pytest.mark.parametrize("strategy", ["full", "frozen"])
@pytest.mark.parametrize("family", sorted(MAKE))
def test_a_head_learns_what_words_tell(
    family: str, strategy: str, pieces: WordPieces, in_tmp: Path
) -> None:
    task = _prepared(family, in_tmp / "task")
    outcome = _outcome(task, strategy, pieces, in_tmp)
    assert outcome.scores["test"][task.card["main_metric"]] > 0.8
    assert len(outcome.predictions) == outcome.scores["valid"]["num_items"] + sum(
        target >= 0 for row in task.targets(task.splits["test"]) for target in row
    )


ODD = ["x" * 10_000, "كتاب", "👩‍👩‍👧"]


def _odd(family: str, count: int, seed: int) -> Split:
    """Items with words at their end that no tokenizer likes."""
    split = MAKE[family](count, seed)
    labels = split.labels if family != "span" else [[*row, "O", "O", "O"] for row in split.labels]
    texts = [[*words, *ODD] for words in split.sentences]
    return Split(texts, labels, split.places, keys=split.keys)


@pytest.mark.parametrize("strategy", ["full", "frozen"])
@pytest.mark.parametrize("family", sorted(MAKE))
def test_a_transformer_with_random_weights_is_trained_on_odd_words_too(
    family: str, strategy: str, pieces: WordPieces, in_tmp: Path
) -> None:
    splits = {name: _odd(family, 16, seed) for seed, name in enumerate(tasks.SPLITS)}
    task = _prepared(family, in_tmp / "task", **splits)
    scores = _outcome(task, strategy, pieces, in_tmp, _bert).scores
    assert 0 <= scores["test"][task.main_metric] <= 1


def _with_a_new_key() -> Split:
    """The last word of each item is asked for under a key that training lacks."""
    split = _word_sense(80, 3)
    labels = [[*row[:-1], NEW] for row in split.labels]
    keys = [[*row[:-1], "k9"] for row in split.keys or []]
    return Split(split.sentences, labels, split.places, keys=keys)


@pytest.mark.parametrize("strategy", ["full", "frozen"])
def test_senses_are_those_of_the_lemma_and_an_unknown_lemma_has_none(
    strategy: str, pieces: WordPieces, in_tmp: Path
) -> None:
    test = _with_a_new_key()
    task = _prepared("word_sense", in_tmp / "task", test=test)
    outcome = _outcome(task, strategy, pieces, in_tmp)
    rows = [row for row in outcome.predictions.to_pylist() if row["split"] == "test"]
    for row in rows:
        key = row["gold"].partition("%")[0]
        assert row["predicted"] == "<none>" if key == "k9" else row["predicted"].startswith(key)
    share = len(test) / len(rows)
    scores = outcome.scores["test"]
    assert scores["answered"] == pytest.approx(1 - share)
    assert scores["accuracy"] <= scores["answered"]


def test_the_most_frequent_sense_of_the_lemma_is_a_baseline(in_tmp: Path) -> None:
    task = _prepared("word_sense", in_tmp / "task", test=_with_a_new_key())
    train, test = task.splits["train"], task.splits["test"]
    counts: dict[str, Counter[str]] = {}
    for label in sorted(label for row in train.labels for label in row):
        counts.setdefault(label.partition("%")[0], Counter())[label] += 1
    gold = [label for row in test.labels for label in row]
    best = [c.most_common(1)[0][0] if (c := counts.get(g.partition("%")[0])) else "" for g in gold]
    rows = {
        row["metric"]: row["value"]
        for row in baselines.evaluate("type_majority", task, seeds=[])
        if not row["control"]
    }
    assert rows["accuracy"] == pytest.approx(np.mean([b == g for b, g in zip(best, gold)]))  # noqa: B905
    assert rows["answered"] == pytest.approx(np.mean([b != "" for b in best]))


@pytest.mark.parametrize("family", sorted(MAKE))
@pytest.mark.parametrize("name", ["majority", "type_majority", "bag_of_words"])
def test_baselines_score_every_unit(name: str, family: str, in_tmp: Path) -> None:
    task = _prepared(family, in_tmp / "task")
    rows = list(baselines.evaluate(name, task, seeds=[0]))
    assert {row["metric"] for row in rows} >= {task.card["main_metric"], "accuracy"}
    assert all(0 <= row["value"] <= 1 for row in rows)
    known = [row["value"] for row in rows if row["metric"] == "answered"]
    assert family != "word_sense" or name == "majority" or known == [1.0]


def _probed(table: Table, task: PreparedTask) -> probes.Probed:
    return probes.Probed(table.encode, task, [0], table.num_layers, table.dim)


@pytest.mark.parametrize("family", sorted(MAKE))
def test_a_probe_sees_the_units_of_the_family(
    family: str, pieces: WordPieces, in_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "MIN_TYPES", 2)
    task = _prepared(family, in_tmp / "task")
    rows = list(probe("linear", {"min_steps": 300}, _probed(_table(pieces), task)))
    real = [r["value"] for r in rows if r["metric"] == "accuracy" and not r["control"]]
    assert min(real) > 0.8
    assert any(row["control"] for row in rows) == (family != "span_pair")


def test_a_probe_predicts_senses_of_the_lemma_alone(
    pieces: WordPieces, in_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A probe that learns nothing is right as often as its lemmas have few senses."""
    task = _prepared("word_sense", in_tmp / "task")
    table = _table(pieces)
    table.table.weight.data.zero_()
    (row,) = (
        r for r in probe("linear", {"min_steps": 1, "lr": 1e-9}, _probed(table, task))
        if r["metric"] == "accuracy" and not r["control"]
    )  # fmt: skip
    assert row["value"] > 3 / len(task.labels)
    monkeypatch.setattr("polyseme.probes.common.evaluate.MAX_LABELS", len(task.labels) - 1)
    assert not list(probe("linear", {}, _probed(table, task)))
    assert probes.MAX_LABELS > 53  # CoarseWSD-20


def test_any_of_several_senses_is_right() -> None:
    names = ["a%1", "a%2", "b%1", "a%1|a%2"]
    gold_N, predicted_N = np.array([3, 3, 0, 3]), np.array([1, 2, 0, -100])
    assert get("word_sense").right(gold_N, predicted_N, names).tolist() == [
        True, False, True, False,
    ]  # fmt: skip


def test_only_allowed_scores_are_left() -> None:
    scores = torch.tensor([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
    assert restrict(scores, [[0, 1], []]).tolist() == [
        [1.0, 2.0, -torch.inf], [-torch.inf] * 3,
    ]  # fmt: skip
    assert get("word_sense").decode(restrict(scores, [[0, 1], []])).tolist() == [1, -100]


def test_a_span_is_the_mean_of_its_words() -> None:
    h_BTD = torch.arange(12.0).reshape(1, 6, 2)
    units = get("span_pair").units(h_BTD, torch.ones(1, 6, dtype=torch.bool), _places())
    assert units.tolist() == [[[2.0, 3.0, 8.0, 9.0]]]  # words 1, and 3 to 5
    assert get("span_pair").marked([1, 2, 3, 6]) == [1, 3, 4, 5]


def _places() -> torch.Tensor:
    return torch.tensor([[1, 2, 3, 6]])
