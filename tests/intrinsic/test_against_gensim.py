"""Similarity and analogies give what gensim's own evaluation gives under the same policy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
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
    for capital, country in (("athens", "greece"), ("baghdad", "iraq"), ("cairo", "egypt")):
        vectors[words.index(country)] = vectors[words.index(capital)]
        vectors[words.index(country), 0] += 4
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
    found = {
        r.get("part"): r
        for r in rows
        if (r["metric"], r["variant"], r.get("strategy")) == ("accuracy", "3CosAdd", "skip")
    }
    expected, sections = theirs.evaluate_word_analogies(datapath("questions-words.txt"))
    *parts, whole = sections
    counted = len(whole["correct"]) + len(whole["incorrect"])
    assert counted > 10 and 0 < expected < 1
    assert found.pop(None) == pytest.approx(
        {**rows_common(), "value": expected, "num_items": counted}, abs=1e-9
    )
    for section in parts:
        if number := len(section["correct"] + section["incorrect"]):
            row = found.pop(section["section"])
            assert row["num_items"] == number
            assert row["value"] == pytest.approx(len(section["correct"]) / number, abs=1e-9)
    assert not found


def rows_common() -> dict[str, Any]:
    """Columns of the row for all questions."""
    named = {"layer": "0", "split": "test", "variant": "3CosAdd"}
    return {**named, "strategy": "skip", "metric": "accuracy"}


@pytest.mark.parametrize("method", ["3CosAdd", "3CosMul"])
def test_answers_one_by_one(
    both: tuple[Table, KeyedVectors], method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, theirs = both
    monkeypatch.setattr(analogies, "EPSILON", 1e-6)  # theirs
    asked_Q4 = torch.from_numpy(np.random.default_rng(1).integers(len(theirs), size=(400, 4)))
    h_VD = torch.from_numpy(theirs.get_normed_vectors())
    answers = analogies.METHODS[method](h_VD, asked_Q4, ["x"] * len(asked_Q4)).tolist()
    ask = {"3CosAdd": theirs.most_similar, "3CosMul": theirs.most_similar_cosmul}[method]
    names = theirs.index_to_key
    for answer, (a, b, c, _) in zip(answers, asked_Q4.tolist(), strict=True):
        if len({a, b, c}) == 3:
            found = ask(positive=[names[b], names[c]], negative=[names[a]], topn=1)
            assert names[answer] == found[0][0]


def test_analogies_find_the_answer_that_is_there(pieces: WordPieces) -> None:
    words = ["man", "woman", "king", "queen", "apple"]
    vectors = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1], [1, -1, -1]], dtype=np.float32)
    table = Table(words, 3, pieces, "zero").set_vectors(vectors)
    asked = Split([["man", "woman", "king", "queen"]], ["x"])
    rows = list(analogies.measure(analogies.Config(), table, Given(asked, words)))
    values = {r["variant"]: r["value"] for r in rows if r["metric"] == "accuracy"}
    assert values["3CosAdd"] == values["3CosMul"] == 1.0
