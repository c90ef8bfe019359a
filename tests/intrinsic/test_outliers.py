"""Outliers by compactness, as the paper has it, and what unknown words do."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch
from tests.intrinsic.given import Given
from tests.intrinsic.known_places import Places

from polyseme.data.tokenizer import WordPieces
from polyseme.intrinsic import outliers
from polyseme.models.common.table import Table
from polyseme.tasks.base import Split

VECTORS = {
    "cat": [1, 0.1],
    "dog": [1, 0.2],
    "cow": [1, 0.0],
    "pig": [0.9, -0.9],
    "car": [-0.1, 1],
    "far": [0.9, -2.0],
}


def measured(pieces: WordPieces, cases: list[list[str]], *words: str) -> dict[Any, Any]:
    vectors = np.array([VECTORS[word] for word in words], dtype=np.float32)
    table = Table(words, 2, pieces, "zero").set_vectors(vectors)
    labels = [case[0] for case in cases]
    rows = outliers.measure(outliers.Config(draws=20), table, Given(Split(cases, labels)))
    return {(row["metric"], row.get("strategy")): row for row in rows}


def compactness(vectors: np.ndarray) -> float:
    """Mean cosine of all pairs: equation of the paper."""
    return float(np.mean([a @ b for a, b in combinations(vectors, 2)]))


@pytest.mark.parametrize("seed", range(5))
def test_positions_are_those_of_compactness(seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(9, 4))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    without = [compactness(np.delete(vectors, place, axis=0)) for place in range(9)]
    expected = sum(score < without[-1] for score in without[:-1]) / 8
    assert outliers.positions(torch.from_numpy(vectors)[None]).tolist() == [expected]


def test_an_outlier_is_found_and_one_is_nearly_found(pieces: WordPieces) -> None:
    cases = [["cat", "dog", "cow", "pig", "car"], ["cat", "dog", "cow", "car", "pig"]]
    found = measured(pieces, cases, *VECTORS)
    # car is the least like the others in both; in the second pig is asked and comes next
    assert found["opp", "skip"]["value"] == (1 + 3 / 4) / 2
    assert found["accuracy", "skip"]["value"] == 0.5
    assert found["opp", "skip"]["num_items"] == 2
    assert found["opp", "skip"]["low"] == found["opp", "skip"]["high"] == 0.875  # one set


def test_an_unknown_outlier_is_not_found_for_nothing(pieces: WordPieces) -> None:
    cases = [["cat", "dog", "cow", "car"], ["cat", "dog", "cow", "far"]]
    found = measured(pieces, cases, "cat", "dog", "cow", "car")
    assert found["coverage", None]["value"] == 0.5
    assert found["accuracy", "skip"]["value"] == 1.0 and found["accuracy", "skip"]["num_items"] == 1
    assert found["accuracy", "zero"]["value"] == 0.5 and found["accuracy", "zero"]["num_items"] == 2
    assert found["opp", "zero"]["value"] == 0.5


def test_unknown_words_of_the_kind_are_left_out(pieces: WordPieces) -> None:
    case = [["cat", "dog", "cow", "car"]]
    assert measured(pieces, case, "cat", "dog", "car")["opp", "skip"]["value"] == 1.0
    found = measured(pieces, case, "cat", "car")
    assert found["opp", "skip"] == {
        "layer": "0", "split": "test", "variant": None, "strategy": "skip", "metric": "opp",
        "value": None, "num_items": 0,
    }  # fmt: skip
    assert found["opp", "zero"]["value"] == 0.0


def test_equal_words_are_a_tie_that_is_no_find() -> None:
    same = torch.nn.functional.normalize(torch.ones(4, 3), dim=-1)
    assert outliers.positions(same[None]).tolist() == [0.5]


def test_contextual_rows_are_told_apart() -> None:
    asked = Split([["a", "b", "c", "z"], ["a", "c", "b", "y"]], ["one", "two"])
    rows = list(outliers.measure(outliers.Config(draws=10), Places(), Given(asked)))
    keys = {(r["variant"], r["layer"], r["metric"], r.get("strategy")) for r in rows}
    assert len(keys) == len(rows) == 3 * 2 * 5
