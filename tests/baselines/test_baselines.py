"""Baselines that count."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from polyseme.baselines import majority, type_majority
from polyseme.baselines.base import Unit, evaluate
from polyseme.models.base import TEXT
from polyseme.tasks import base as tasks
from polyseme.tasks.common.prepared import PreparedTask


def _units(words: str) -> list[Unit]:
    return [Unit(word, words) for word in words.split()]


def test_majority_and_type_majority() -> None:
    train, labels = _units("bank bank bank sea sea sky"), np.array([1, 1, 0, 0, 0, 0])
    test = _units("bank sea unseen")
    assert majority.predict(train, labels, test).tolist() == [0, 0, 0]
    assert type_majority.predict(train, labels, test).tolist() == [1, 0, 0]


def test_a_tie_goes_to_the_smaller_label() -> None:
    found = type_majority.predict(_units("a a b"), np.array([2, 1, 2]), _units("a"))
    assert found.tolist() == [1]


def test_a_pair_is_seen_as_both_its_texts(tmp_path: Path) -> None:
    texts = [[a, TEXT, b] for a in "xyz" for b in "xyz"]
    labels = ["same" if a == b else "other" for a, _, b in texts]
    split = tasks.Split(texts, labels, places=[[1]] * len(texts))
    card = {"name": "toy", "family": "sentence_pair", "main_metric": "matthews"}
    tasks.write(tmp_path, dict.fromkeys(tasks.SPLITS, split), card)
    task = PreparedTask(tmp_path)
    for name, wanted in {"type_majority": (1.0, 1.0), "majority": (6 / 9, 0.0)}.items():
        scores = {row["metric"]: row["value"] for row in evaluate(name, task, seeds=[0])}
        assert (scores["accuracy"], scores["matthews"]) == wanted


def test_marked_words_are_seen_each_by_itself(tmp_path: Path) -> None:
    """Two in a text, none in another; few types have no control task, as in probes."""
    texts = [["the", "dog", "runs"], ["a", "cat"], ["dog", "sees", "cat"], ["so"]]
    labels = [["animal", "motion"], ["animal"], ["animal", "sense", "animal"], []]
    split = tasks.Split(texts, labels, places=[[1, 2], [1], [0, 1, 2], []])
    tasks.write(tmp_path, dict.fromkeys(tasks.SPLITS, split), {"name": "t", "family": "word_sense"})
    rows = list(evaluate("type_majority", PreparedTask(tmp_path), seeds=[0]))
    assert {(r["metric"], r["value"], r["num_items"]) for r in rows} >= {("accuracy", 1.0, 6)}
    assert not any(row["control"] for row in rows)
