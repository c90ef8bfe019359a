"""Shuffled labels: chance against scikit-learn and scipy, and a harness that leaks is caught."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.metrics import cohen_kappa_score
from tests.invariance.conftest import NOUNS, VERBS

from polyseme.data.tokenizer import WordPieces
from polyseme.invariance import labels
from polyseme.invariance.base import Finding
from polyseme.models.common.table import Table
from polyseme.probes.base import ProbeData
from polyseme.tasks.common.prepared import PreparedTask


def _check(pieces: WordPieces, root: Path, name: str = "upos") -> dict[str, Finding]:
    table = Table(["the", *NOUNS, *VERBS], 16, pieces, "zero")
    table.reset(0)
    probed = labels.probe(table, PreparedTask(root / name))
    return {check: ask(probed) for check, ask in labels.CHECKS.items()}


def test_agreement_by_chance_is_that_of_kappa(random: np.random.Generator) -> None:
    a_M, b_M = random.integers(5, size=200), random.integers(7, size=200) // 2
    kappa, agreed = cohen_kappa_score(a_M, b_M), (a_M == b_M).mean()
    assert labels.agreement(a_M, b_M) == pytest.approx((agreed - kappa) / (1 - kappa))


@pytest.mark.parametrize(("rate", "size"), [(0.5, 400), (0.02, 30), (0.9, 7)])
def test_the_binomial_interval_is_scipys(rate: float, size: int) -> None:
    low, high = (count / size for count in stats.binom.interval(labels.LEVEL, size, rate))
    assert labels.binomial(rate, size) == pytest.approx(max(high - rate, rate - low))


@pytest.mark.parametrize("name", ["upos", "topic", "senses"])
def test_shuffled_labels_give_chance_where_true_ones_do_not(
    pieces: WordPieces, root: Path, name: str
) -> None:
    found = _check(pieces, root, name)
    assert all(each.passed for each in found.values())
    if name == "upos":
        assert found["train_labels"].reason.endswith("with true labels 1.000")


def test_a_probe_that_sees_the_labels_of_the_test_is_caught(
    pieces: WordPieces, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = PreparedTask(root / "upos")
    gold_M = torch.tensor([label for row in task.targets(task.splits["test"]) for label in row])

    def leaking(options: labels.linear.Config, data: ProbeData) -> dict[None, torch.Tensor]:
        return {None: gold_M[None, None].expand(1, len(data.labels_VN), -1)}

    monkeypatch.setattr(labels.linear, "predict", leaking)
    found = _check(pieces, root)
    assert {name: each.passed for name, each in found.items()} == {
        "test_labels": True,
        "train_labels": False,
    }
    assert found["train_labels"].reason.startswith("1.000, chance")


def test_labels_of_the_test_that_were_not_shuffled_are_caught(
    pieces: WordPieces, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Same:
        def permutation(self, values: np.ndarray) -> np.ndarray:
            return values

    shuffled = labels.philox
    monkeypatch.setattr(labels, "philox", lambda *key: Same() if key[0] else shuffled(*key))
    found = _check(pieces, root)
    assert not found["test_labels"].passed
    assert found["train_labels"].passed


def test_words_of_one_type_err_together(random: np.random.Generator) -> None:
    """Two types, each with one predicted label: far from what independent words would do."""
    gold_M = np.repeat([0, 1], 500)
    flips = [np.repeat(random.permutation(2), 500) for _ in range(labels.NUM_SHUFFLES)]
    found = labels.train_labels(labels.Probed(np.stack([gold_M, *flips]), gold_M))
    assert found.passed
    assert found.tolerance is not None
    assert found.tolerance > 3 * labels.binomial(0.5, 1000)
