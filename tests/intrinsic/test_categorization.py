"""Purity of clusters of words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics.cluster import contingency_matrix
from tests.intrinsic.given import Given
from tests.intrinsic.known_places import Places

from polyseme.data.tokenizer import WordPieces
from polyseme.intrinsic import categorization
from polyseme.models.common.table import Table
from polyseme.tasks.base import Split


def measured(table: Table, words: list[str], labels: list[str]) -> dict[Any, Any]:
    items = Given(Split([[word] for word in words], labels))
    rows = categorization.measure(categorization.Config(), table, items)
    return {(row["metric"], row.get("strategy")): row for row in rows}


def table(pieces: WordPieces, vectors: dict[str, list[float]]) -> Table:
    values = np.array([*vectors.values()], dtype=np.float32)
    return Table([*vectors], values.shape[1], pieces, "zero").set_vectors(values)


GROUPS = {
    "apple": [1.0, 0.0, 0.0], "pear": [1.0, 0.1, 0.0], "plum": [1.0, 0.0, 0.1],
    "car": [0.0, 1.0, 0.0], "bus": [0.1, 1.0, 0.0], "tram": [0.0, 1.0, 0.1],
    "red": [0.0, 0.0, 1.0], "blue": [0.1, 0.0, 1.0], "orange": [1.0, 0.1, 0.1],
}  # fmt: skip
LABELS = ["fruit"] * 3 + ["vehicle"] * 3 + ["colour"] * 3


def test_purity_of_clusters_that_can_be_seen(pieces: WordPieces) -> None:
    found = measured(table(pieces, GROUPS), [*GROUPS], LABELS)
    assert found["purity", "skip"]["value"] == found["purity", "zero"]["value"] == 8 / 9
    assert found["purity", "skip"]["num_items"] == 9


def test_unknown_words_are_left_out_or_wrong(pieces: WordPieces) -> None:
    known = {word: vector for word, vector in GROUPS.items() if word not in ("orange", "tram")}
    found = measured(table(pieces, known), [*GROUPS], LABELS)
    assert (found["purity", "skip"]["value"], found["purity", "skip"]["num_items"]) == (1.0, 7)
    assert (found["purity", "zero"]["value"], found["purity", "zero"]["num_items"]) == (7 / 9, 9)
    assert found["coverage", None]["value"] == 7 / 9


def test_no_word_is_known(pieces: WordPieces) -> None:
    found = measured(table(pieces, {"other": [1.0]}), [*GROUPS], LABELS)
    assert found["purity", "skip"]["value"] is None
    assert found["purity", "zero"]["value"] == 0.0


def test_a_category_of_unknown_words_has_no_cluster(pieces: WordPieces) -> None:
    known = {word: GROUPS[word] for word in ("apple", "pear", "car", "bus")}
    assert measured(table(pieces, known), [*GROUPS], LABELS)["purity", "skip"]["value"] == 1.0


def test_words_of_two_categories_bound_purity(pieces: WordPieces) -> None:
    words, labels = [*GROUPS, "orange"], [*LABELS, "fruit"]
    assert measured(table(pieces, GROUPS), words, labels)["purity", "skip"]["value"] == 9 / 10


def test_the_formula_against_a_contingency_table(
    pieces: WordPieces, random: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = {f"w{i}": random.normal(size=5).tolist() for i in range(60)}
    labels = [str(i % 7) for i in range(60)]
    clusters = random.integers(9, size=60)
    expected = contingency_matrix(labels, clusters).max(0).sum() / 60
    monkeypatch.setattr(categorization, "_clusters", lambda *_: clusters)
    found = measured(table(pieces, vectors), [*vectors], labels)
    assert found["purity", "skip"]["value"] == pytest.approx(expected)


def test_the_same_clusters_again(pieces: WordPieces, random: np.random.Generator) -> None:
    vectors = {f"w{i}": random.normal(size=5).tolist() for i in range(60)}
    labels = [str(i % 7) for i in range(60)]
    ours = table(pieces, vectors)
    assert measured(ours, [*vectors], labels) == measured(ours, [*vectors], labels)


def test_words_with_the_same_vector_are_no_warning(recwarn: pytest.WarningsRecorder) -> None:
    words = ["ab", "ac", "bd", "be", "cf", "cg"]  # three vectors, four categories
    asked = Split([[word] for word in words], ["one", "two", "three", "three", "four", "four"])
    options = categorization.Config(variants=("alone", "template"))
    rows = list(categorization.measure(options, Places(), Given(asked)))
    purities = [row["value"] for row in rows if row["metric"] == "purity"]
    assert purities == [5 / 6] * 2 * 2 * 2
    assert not recwarn.list


def test_there_are_as_many_clusters_as_categories(pieces: WordPieces) -> None:
    """One more would find the word between the two groups."""
    vectors = {"a": [1.0, 0.0], "b": [1.0, 0.1], "c": [1.0, 1.0], "d": [0.0, 1.0], "e": [0.1, 1.0]}
    found = measured(table(pieces, vectors), [*vectors], ["x", "x", "y", "x", "x"])
    assert found["purity", "skip"]["value"] == 0.8
