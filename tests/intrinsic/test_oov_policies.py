"""Word similarity under four policies for unknown words, and what is kept for the fourth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr
from tests.intrinsic.given import Given
from tests.intrinsic.known_places import Places

from polyseme import results
from polyseme.data.tokenizer import WordPieces
from polyseme.intrinsic import similarity
from polyseme.models.common.table import Table
from polyseme.reporting import shared
from polyseme.tasks.base import Split

PAIRS = [["cat", "dog"], ["cat", "cats"], ["cat", "sun"], ["dog", "sun"], ["tree", "sun"]]
GOLD = [7.0, 9.0, 1.0, 2.0, 4.0]
VECTORS = {"cat": [1, 0.2], "dog": [1, -0.5], "sun": [0.1, 1], "tree": [1, 1.2]}
OPTIONS = similarity.Config(draws=50)


def table(pieces: WordPieces, *words: str) -> Table:
    made = Table(words, 2, pieces, "zero")
    return made.set_vectors(np.array([VECTORS[word] for word in words], dtype=np.float32)).eval()


def cosine(one: str, other: str) -> float:
    a, b = np.array(VECTORS[one]), np.array(VECTORS[other])
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_each_policy_has_its_pairs(pieces: WordPieces) -> None:
    ours = table(pieces, "cat", "dog", "sun")
    rows = list(similarity.measure(OPTIONS, ours, Given(Split(PAIRS, GOLD))))
    found = {row["strategy"]: row for row in rows if row["metric"] == "spearman"}
    three = [cosine("cat", "dog"), cosine("cat", "sun"), cosine("dog", "sun")]
    expected = {
        "skip": spearmanr(three, [7, 1, 2]).statistic,
        "zero": spearmanr([three[0], 0, three[1], three[2], 0], GOLD).statistic,
        "backoff": spearmanr([three[0], 1, three[1], three[2], 0], GOLD).statistic,
    }
    assert {name: row["value"] for name, row in found.items()} == pytest.approx(expected)
    assert len({round(value, 6) for value in expected.values()}) == 3
    assert {name: row["num_items"] for name, row in found.items()} == {
        "skip": 3, "zero": 5, "backoff": 5,
    }  # fmt: skip
    for row in found.values():
        assert row["low"] <= row["value"] <= row["high"]
    assert [row["value"] for row in rows if row["metric"] == "coverage"] == [0.6]


def test_a_model_that_knows_no_word_has_no_value(pieces: WordPieces) -> None:
    rows = similarity.measure(OPTIONS, table(pieces, "tree"), Given(Split(PAIRS[:4], GOLD[:4])))
    found = {row["strategy"]: row for row in rows if row["metric"] == "spearman"}
    assert found["skip"]["value"] is None and found["skip"]["num_items"] == 0
    assert found["zero"]["value"] is None and found["zero"]["low"] is None


def test_a_contextual_model_is_measured_in_three_ways_on_each_layer() -> None:
    material = Given(Split(PAIRS, GOLD), texts=[["a", "cat"], ["the", "sun", "and", "sun"]])
    rows = list(similarity.measure(OPTIONS, Places(), material))
    found = [(r["variant"], r["layer"], r["strategy"]) for r in rows if r["metric"] == "spearman"]
    assert len(found) == len(set(found)) == 3 * 2 * 3
    assert {variant for variant, _, _ in found} == {"alone", "template", "mean"}
    (seen,) = [row for row in rows if row["metric"] == "seen"]
    assert (seen["value"], seen["num_items"], seen["variant"]) == (2 / 5, 5, "mean")


def test_shared_pairs_are_those_that_all_know(pieces: WordPieces, tmp_path: Path) -> None:
    material = Given(Split(PAIRS, GOLD), texts=[["a", "cat"]])
    models = {
        "one": table(pieces, "cat", "dog", "sun"),
        "two": table(pieces, "cat", "sun", "tree", "dog"),
        "three": Places(),
    }
    kept = {}
    for name, model in models.items():
        results.write_items(tmp_path / name, similarity.kept(OPTIONS, model, material))
        kept[name] = results.read(tmp_path / name, schema=results.ITEM_SCHEMA)
    rows = list(shared.rows(kept, GOLD, draws=50))
    assert {row["num_items"] for row in rows} == {3}
    assert {row["strategy"] for row in rows} == {"shared"}
    # what all know is what the smallest vocabulary knows
    skipped = similarity.measure(OPTIONS, models["one"], material)
    (expected,) = [r for r in skipped if (r["metric"], r.get("strategy")) == ("spearman", "skip")]
    ours = [row for row in rows if row["representation"] in ("one", "two")]
    assert [row["value"] for row in ours] == [pytest.approx(expected["value"])] * 2
    assert [row["low"] for row in ours] == [pytest.approx(expected["low"])] * 2
    assert len([row for row in rows if row["representation"] == "three"]) == 2 * 3
    results.write(tmp_path / "rows", rows)
