"""Each measure is what its definition gives when it is written out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity
from tests.intrinsic.given import Given
from tests.intrinsic.toy import Toy

from polyseme.data.tokenizer import WordPieces
from polyseme.intrinsic import contextuality
from polyseme.intrinsic.common import tokens
from polyseme.models.base import Representation
from polyseme.models.common.table import Table
from polyseme.tasks.base import Split

WORDS = [f"w{n}" for n in range(25)]
CONFIG = contextuality.Config(max_sentences=200, min_occurrences=5, max_occurrences=8)
Found = dict[tuple[str | None, str | None, str], dict[str, Any]]


def _texts(num: int = 40, seed: int = 0) -> list[list[str]]:
    random = np.random.default_rng(seed)
    return [[str(w) for w in random.choice(WORDS, random.integers(2, 7))] for _ in range(num)]


def _rows(
    representation: Representation,
    texts: list[list[str]],
    config: contextuality.Config = CONFIG,
) -> Found:
    material = Given(Split([], []), texts=texts)
    rows = contextuality.measure(config, representation, material)
    return {(r["layer"], r.get("variant"), r["metric"]): r for r in rows}


def _pairwise(h_ND: np.ndarray) -> float:
    return float(cosine_similarity(h_ND)[np.triu_indices(len(h_ND), 1)].mean())


def _explained(h_ND: np.ndarray) -> float:
    sizes = np.linalg.svd(h_ND, compute_uv=False)
    return float(sizes[0] ** 2 / (sizes**2).sum())


def _forms(toy: Toy, texts: list[list[str]], layer: int) -> list[np.ndarray]:
    """Occurrences of each form, the first of each text, written out."""
    found: dict[str, list[np.ndarray]] = {}
    for words, h in zip(texts, toy.encode(texts), strict=True):
        for word in set(words):
            found.setdefault(word, []).append(h[layer, words.index(word)].double().numpy())
    return [np.array(h[:8]) for h in found.values() if len(h) >= 5]


@pytest.mark.parametrize("chunk", [7, 512])
def test_measures_are_their_definitions(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(tokens, "CHUNK", chunk)
    toy, texts = Toy(WORDS), _texts()
    found = _rows(toy, texts)
    forms = _forms(toy, texts, 1)
    assert 5 < len(forms) == found["1", "raw", "self_similarity"]["num_items"]
    encoded = [h[1].double().numpy() for h in toy.encode(texts)]
    intra = [cosine_similarity(h_TD, h_TD.mean(0, keepdims=True)).mean() for h_TD in encoded]
    expected = {
        "self_similarity": np.mean([_pairwise(h_ND) for h_ND in forms]),
        "max_explained_variance": np.mean([_explained(h_ND) for h_ND in forms]),
        "intra_sentence_similarity": np.mean(intra),
    }
    for metric, value in expected.items():
        assert found["1", "raw", metric]["value"] == pytest.approx(value, abs=1e-6)
        assert found["1", "raw", metric]["split"] == "test"


def test_corrected_values_have_what_is_common_to_all_words_taken_off() -> None:
    texts = _texts()
    toy = Toy(WORDS)
    sample = contextuality._sample(CONFIG, toy, Given(Split([], []), texts=texts))
    assert [text for text, _ in sample.drawn] == list(range(len(texts)))
    encoded = toy.encode(texts)
    drawn_ND = np.array([encoded[text][1, place].double().numpy() for text, place in sample.drawn])
    assert [len(group) for group in sample.groups] == [len(form) for form in sample.forms]
    random = np.mean([_explained(drawn_ND[group]) for group in sample.groups])
    found = _rows(toy, texts)
    common = found["1", None, "anisotropy"]
    assert common["num_items"] == len(texts)
    assert common["value"] == pytest.approx(_pairwise(drawn_ND), abs=1e-6)
    for metric, base in (
        ("self_similarity", common["value"]),
        ("intra_sentence_similarity", common["value"]),
        ("max_explained_variance", random),
    ):
        raw, corrected = (found["1", variant, metric]["value"] for variant in ("raw", "corrected"))
        assert raw - corrected == pytest.approx(base, abs=1e-6)
        assert base != 0


def test_one_vector_a_form_is_wholly_self_similar(pieces: WordPieces) -> None:
    vectors = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    table = Table(WORDS[:20], 4, pieces, "zero").set_vectors(vectors)
    found = _rows(table, _texts())
    assert found["0", "raw", "self_similarity"]["value"] == pytest.approx(1, abs=1e-9)
    assert found["0", "raw", "max_explained_variance"]["value"] == pytest.approx(1, abs=1e-9)
    assert found["0", "raw", "self_similarity"]["num_items"] <= 20
    assert found["0", "raw", "intra_sentence_similarity"]["value"] < 0.9


def test_equal_sentences_count_once() -> None:
    toy, texts = Toy(WORDS), _texts()
    assert _rows(toy, [*texts, *texts]) == _rows(toy, texts)


def test_each_sentence_is_encoded_once() -> None:
    toy, texts = Toy(WORDS), _texts()
    _rows(toy, texts)
    assert len(toy.encoded) == len({tuple(words) for words in toy.encoded}) == len(texts)


@pytest.mark.parametrize("texts", [[], [["w1", "w2"]], [["elsewhere"]], [["w1"], ["w2"]]])
def test_what_cannot_be_measured_is_null(texts: list[list[str]]) -> None:
    found = _rows(Toy(WORDS), texts)
    assert len(found) == 2 * 7
    for metric in ("self_similarity", "max_explained_variance"):
        for variant in ("raw", "corrected"):
            row = found["1", variant, metric]
            assert (row["value"], row["num_items"]) == (None, 0)
    assert (found["1", None, "anisotropy"]["value"] is None) == (len(texts) < 2)


def test_zero_vectors_are_safe(pieces: WordPieces) -> None:
    table = Table(WORDS, 4, pieces, "zero").set_vectors(np.zeros((25, 4), np.float32))
    found = _rows(table, _texts())
    assert {row["value"] for row in found.values()} == {0.0}


def test_more_occurrences_than_are_kept_cannot_be_asked_for() -> None:
    with pytest.raises(ValueError, match="min_occurrences at most max_occurrences"):
        contextuality.Config(min_occurrences=30, max_occurrences=20)
