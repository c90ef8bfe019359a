"""Tables are means and principal components of occurrences, and stand the test of similarity."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.decomposition import TruncatedSVD
from tests.intrinsic.given import Given
from tests.intrinsic.toy import Toy

from polyseme.data.tokenizer import WordPieces
from polyseme.intrinsic import distillation
from polyseme.models.common.table import Table
from polyseme.tasks.base import Split

WORDS = [f"w{n}" for n in range(12)]
CONFIG = distillation.Config(max_occurrences=6, max_sentences=100)


def _texts(num: int = 40) -> list[list[str]]:
    random = np.random.default_rng(0)
    return [[str(w) for w in random.choice(WORDS, 4)] for _ in range(num)]


def _pairs() -> Split:
    pairs = [[a, b] for a in WORDS[:5] for b in WORDS[5:8]]
    return Split(pairs, [float(n) for n in np.random.default_rng(1).permutation(len(pairs))])


def _occurrences(toy: Toy, texts: list[list[str]], word: str, layer: int) -> np.ndarray:
    encoded = toy.encode(texts)
    found = [
        h[layer, place].double().numpy()
        for words, h in zip(texts, encoded, strict=True)
        for place, other in enumerate(words)
        if other == word
    ]
    return np.array(found[:6])


@pytest.mark.parametrize("most", [1, 2**26])
def test_tables_are_means_and_first_components(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(distillation, "MAX_NUMBERS", most)
    toy, texts = Toy(WORDS), _texts()
    material = Given(Split([], []), texts=texts)
    asked = ["w3", "absent", "w7"]
    mean_VD, first_VD = (
        distillation.table(toy, material, asked, variant=variant, layer=1, options=CONFIG)
        for variant in ("mean", "first_component")
    )
    for row in (0, 2):
        h_ND = _occurrences(toy, texts, asked[row], 1)
        np.testing.assert_allclose(mean_VD[row], h_ND.mean(0), atol=1e-6)
        expected = TruncatedSVD(1, algorithm="arpack").fit(h_ND).components_[0]
        expected *= np.sign(expected @ h_ND.mean(0))
        np.testing.assert_allclose(first_VD[row], expected, atol=1e-5)
    assert not mean_VD[1].any()
    assert not first_VD[1].any()
    assert mean_VD.shape == first_VD.shape == (3, 6)


@pytest.mark.parametrize(("most", "sizes"), [(5, [5, 6, 3]), (9, [5, 9]), (99, [14])])
def test_words_are_read_in_groups_of_bounded_size(most: int, sizes: list[int]) -> None:
    tokens = {0: [(0, 0)] * 2, 1: [(0, 0)] * 3, 2: [(0, 0)] * 6, 3: [(0, 0)] * 3}
    groups = list(distillation._groups(tokens, most))
    assert [row for group in groups for row in group] == [0, 1, 2, 3]
    assert [sum(len(tokens[row]) for row in group) for group in groups] == sizes


def test_similarity_of_the_tables_is_that_of_scipy() -> None:
    toy, pairs, texts = Toy([*WORDS, "W4"]), _pairs(), _texts()
    unseen = Split([*pairs.sentences, ["w1", "absent"]], [*pairs.labels, 99.0])
    rows = list(distillation.measure(CONFIG, toy, Given(unseen, texts=texts)))
    found = {(r["variant"], r["layer"], r.get("strategy"), r["metric"]): r for r in rows}
    means = {word: _occurrences(toy, texts, word, 1).mean(0) for word in WORDS[:8]}
    cosines = [
        means[a] @ means[b] / np.linalg.norm(means[a]) / np.linalg.norm(means[b])
        for a, b in pairs.sentences
    ]
    skip, zero = (found["distilled_mean", "1", p, "spearman"] for p in ("skip", "zero"))
    assert skip["value"] == pytest.approx(spearmanr(cosines, pairs.labels).statistic)
    assert zero["value"] == pytest.approx(spearmanr([*cosines, 0], unseen.labels).statistic)
    assert (skip["num_items"], zero["num_items"]) == (15, 16)
    coverage = found["distilled_first_component", "0", None, "coverage"]
    assert coverage["value"] == pytest.approx(15 / 16)
    assert {row["split"] for row in rows} == {"test"}


def test_case_is_ignored_in_looking_for_a_word() -> None:
    toy = Toy(["Bank", "bank", "w1"])
    material = Given(Split([], []), texts=[["bank", "w1"], ["w1", "Bank"]])
    _, found = distillation.occurrences(CONFIG, toy, material, ["Bank", "bank"])
    assert found == {0: [(0, 0), (1, 1)], 1: [(0, 0), (1, 1)]}


def test_a_representation_that_knows_no_word_gets_no_correlation() -> None:
    rows = list(distillation.measure(CONFIG, Toy(["other"]), Given(_pairs(), texts=_texts())))
    assert {row["value"] for row in rows if row["metric"] == "coverage"} == {0.0}
    assert {row["value"] for row in rows if row["metric"] == "spearman"} == {None}


def test_texts_are_read_up_to_the_limit_and_encoded_once() -> None:
    toy = Toy(WORDS)
    few = distillation.Config(max_occurrences=50, max_sentences=10)
    list(distillation.measure(few, toy, Given(_pairs(), texts=_texts())))
    assert 0 < len(toy.encoded) <= 10


def test_static_tables_stand_already(pieces: WordPieces) -> None:
    table = Table(WORDS, 2, pieces, "zero").set_vectors(np.ones((12, 2), np.float32))
    assert not list(distillation.measure(CONFIG, table, Given(_pairs(), texts=_texts())))
