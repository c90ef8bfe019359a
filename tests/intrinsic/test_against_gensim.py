"""Similarity and analogies give what gensim's own evaluation gives under the same policy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gensim.models import KeyedVectors
from gensim.test.utils import datapath
from tests.intrinsic.given import Given

from polyseme.data.tokenizer import WordPieces
from polyseme.intrinsic import analogies, similarity
from polyseme.models.common.table import Table
from polyseme.tasks import analogies as analogy_task
from polyseme.tasks import similarity as similarity_task
from polyseme.tasks.base import Split


@pytest.fixture
def vocabulary() -> list[str]:
    """Words of WordSim-353 and of the questions, some left out; lower case, no doubles."""
    words: set[str] = set()
    for line in Path(datapath("wordsim353.tsv")).read_text().splitlines()[2:]:
        words |= {w.lower() for w in line.split("\t")[:2]}
    for line in Path(datapath("questions-words.txt")).read_text().splitlines()[:600]:
        words |= {w.lower() for w in line.split() if not line.startswith(":")}
    return [
        *sorted(words)[::3],
        "athens",
        "greece",
        "baghdad",
        "iraq",
        "berlin",
        "germany",
        "cairo",
        "egypt",
    ]


@pytest.fixture
def both(pieces: WordPieces, vocabulary: list[str]) -> tuple[Table, KeyedVectors]:
    words = list(dict.fromkeys(vocabulary))
    random = np.random.default_rng(0)
    vectors = random.normal(size=(len(words), 12)).astype(np.float32)
    theirs = KeyedVectors(12)
    theirs.add_vectors(words, vectors)
    return Table(words, 12, pieces, "zero").set_vectors(vectors).eval(), theirs


def test_word_similarity(both: tuple[Table, KeyedVectors]) -> None:
    ours, theirs = both
    options = similarity_task.Config(module="similarity", source="x", file="wordsim353.tsv")
    split = similarity_task.prepare(options, Path(datapath("wordsim353.tsv")).parent)["test"]
    rows = list(similarity.measure(similarity.Config(), ours, Given(split)))
    found = {(r["metric"], r.get("strategy")): r for r in rows}
    _, (expected, _), oov = theirs.evaluate_word_pairs(datapath("wordsim353.tsv"))
    assert found["spearman", "skip"]["value"] == pytest.approx(expected, abs=1e-6)
    assert found["coverage", None]["value"] == pytest.approx(1 - oov / 100, abs=1e-9)
    assert found["spearman", "skip"]["num_items"] == round((1 - oov / 100) * len(split))
    _, (zeroed, _), _ = theirs.evaluate_word_pairs(datapath("wordsim353.tsv"), dummy4unknown=True)
    assert found["spearman", "zero"]["value"] == pytest.approx(zeroed, abs=1e-6)


def test_word_analogies(both: tuple[Table, KeyedVectors]) -> None:
    ours, theirs = both
    options = analogy_task.Config(module="analogies", source="x", file="questions-words.txt")
    split = analogy_task.prepare(options, Path(datapath("questions-words.txt")).parent)["test"]
    rows = list(analogies.measure(analogies.Config(), ours, Given(split, theirs.index_to_key)))
    found = {(r["metric"], r.get("strategy")): r for r in rows}
    expected, sections = theirs.evaluate_word_analogies(datapath("questions-words.txt"))
    counted = len(sections[-1]["correct"]) + len(sections[-1]["incorrect"])
    assert counted > 10
    assert found["accuracy", "skip"]["num_items"] == counted
    assert found["accuracy", "skip"]["value"] == pytest.approx(expected, abs=1e-9)


def test_analogies_find_the_answer_that_is_there(pieces: WordPieces) -> None:
    words = ["man", "woman", "king", "queen", "apple"]
    vectors = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1], [-1, 0, 0]], dtype=np.float32)
    table = Table(words, 3, pieces, "zero").set_vectors(vectors)
    asked = Split([["man", "woman", "king", "queen"]], ["x"])
    rows = list(analogies.measure(analogies.Config(), table, Given(asked, words)))
    assert [r["value"] for r in rows if r["metric"] == "accuracy"] == [1.0, 1.0]


def test_a_correlation_without_variation_is_undefined() -> None:
    assert similarity.spearman(np.zeros(5), np.arange(5)) is None
    assert similarity.spearman(np.array([1.0]), np.array([1.0])) is None
