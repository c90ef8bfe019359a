"""LRCos: its regressions are scikit-learn's, and it finds answers by their class."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from tests.intrinsic.given import Given
from tests.intrinsic.known_places import Places

from polyseme.data.tokenizer import WordPieces
from polyseme.intrinsic import analogies
from polyseme.intrinsic.common import logistic
from polyseme.models.common.table import Table
from polyseme.tasks.base import Split


def test_regressions_are_those_of_scikit_learn(random: np.random.Generator) -> None:
    x_MD = random.normal(size=(30, 50))
    positive_M = random.random(30) < 0.4
    used_FM = random.random((4, 30)) < 0.8
    found = logistic.weights(
        torch.from_numpy(x_MD).expand(4, -1, -1),
        torch.from_numpy(positive_M).expand(4, -1),
        torch.from_numpy(used_FM),
        c=2.0,
    )
    for w_D, used_M in zip(found, used_FM, strict=True):
        theirs = LogisticRegression(C=2.0, fit_intercept=False, tol=1e-10, max_iter=1000)
        theirs.fit(x_MD[used_M], positive_M[used_M])
        np.testing.assert_allclose(w_D, theirs.coef_[0], atol=1e-5)


def _pairs(random: np.random.Generator) -> tuple[list[str], np.ndarray]:
    """Sources, their targets: the same topic, another class; and twins of each source."""
    topics = random.normal(size=(12, 40))
    class_D = 2 * random.normal(size=40)
    twins = topics + 0.1 * random.normal(size=topics.shape)
    others = random.normal(size=(30, 40))
    names = [f"{kind}{i}" for kind in "stw" for i in range(12)] + [f"o{i}" for i in range(30)]
    return names, np.vstack([topics, topics + class_D, twins, others]).astype(np.float32)


def test_lrcos_finds_the_answer_by_its_class(
    pieces: WordPieces, random: np.random.Generator
) -> None:
    names, vectors = _pairs(random)
    # each question begins with a pair that tells nothing: the difference of two others
    asked = [[f"o{i}", f"o{i + 12}", f"s{i}", f"t{i}"] for i in range(12)]
    table = Table(names, 40, pieces, "zero").set_vectors(vectors)
    rows = list(
        analogies.measure(analogies.Config(), table, Given(Split(asked, ["r"] * 12), names))
    )
    found = {
        row["variant"]: row["value"]
        for row in rows
        if row["metric"] == "accuracy" and row["strategy"] == "zero"
    }
    assert found["LRCos"] == 1.0
    assert found["3CosAdd"] < 0.5 and found["3CosMul"] < 0.5


def test_the_class_is_told_without_the_asked_answer() -> None:
    # targets share nothing but what each has of its source; a rival has a little more of that
    own = np.eye(436)
    sources, targets = own[:12], own[:12] * 0.50 + own[12:24]
    rivals = own[:12] * 0.52 + own[24:36]
    h_VD = torch.from_numpy(np.vstack([sources, targets, rivals, own[36:]])).float()
    h_VD = torch.nn.functional.normalize(h_VD, dim=-1)
    asked = torch.tensor([[(i + 1) % 12, 12 + (i + 1) % 12, i, 12 + i] for i in range(12)])
    assert analogies.lr_cos(h_VD, asked, ["r"] * 12).tolist() == [*range(24, 36)]


def test_a_relation_with_one_answer_and_no_question_at_all(pieces: WordPieces) -> None:
    words = ["man", "woman", "king", "queen"]
    table = Table(words, 3, pieces, "zero").set_vectors(np.eye(4, 3, dtype=np.float32))
    for asked in (["man", "woman", "king", "queen"], ["man", "woman", "king", "unheard"]):
        rows = list(
            analogies.measure(analogies.Config(), table, Given(Split([asked], ["r"]), words))
        )
        known = float("unheard" not in asked)
        assert {r["value"] for r in rows if r["metric"] == "coverage"} == {known}
        skipped = [r for r in rows if r.get("strategy") == "skip" and not r.get("part")]
        assert [r["value"] is None for r in skipped] == [not known] * 3


def test_relations_are_told_apart_once() -> None:
    asked = Split([["ab", "bc", "cd", "de"], ["bc", "cd", "de", "ab"]], ["one", "two"])
    material = Given(asked, ["ab", "bc", "cd", "de"], [["ab", "x"]])
    rows = list(analogies.measure(analogies.Config(), Places(), material))
    keys = [(r["variant"], r["layer"], r["metric"], r.get("strategy"), r.get("part")) for r in rows]
    assert len(keys) == len(set(keys))
    parts = [key for key in keys if key[-1]]
    assert {(key[0], key[1]) for key in parts} == {
        (f"{method}/mean", "1") for method in analogies.METHODS
    }
    assert len(parts) == 2 * 3
    assert {key[0] for key in keys if key[2] == "accuracy"} == {
        f"{method}/{variant}" for method in analogies.METHODS for variant in ("alone", "mean")
    }
    assert pytest.approx(0.25) == next(r["value"] for r in rows if r["metric"] == "seen")
