"""Counts against brute force: pairs one by one, PPMI and SVD on dense matrices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from scipy.stats import ortho_group

from polyseme.data.tokenizer import WordPieces
from polyseme.errors import ConfigError, DataError
from polyseme.models import count
from polyseme.models.base import TOKENIZER
from polyseme.models.common.cooccurrence import Weighting, cooccurrence
from polyseme.models.common.text import Text, num_words
from polyseme.models.common.vocabulary import frequent

WEIGHTS = {
    "flat": lambda distance, window: 1.0,
    "dynamic": lambda distance, window: (window - distance + 1) / window,
    "harmonic": lambda distance, window: 1 / distance,
}


def _text(corpus: Path) -> Text:
    return Text(corpus, WordPieces.load(corpus / TOKENIZER))


def _brute_force(text: Text, words: list[str], window: int, weighting: str) -> np.ndarray:
    row_of, found = {word: row for row, word in enumerate(words)}, np.zeros((len(words),) * 2)
    for sentence in text:
        known = [row_of[word] for word in sentence if word in row_of]
        for place, row in enumerate(known):
            for other, column in enumerate(known):
                if 0 < (distance := abs(place - other)) <= window:
                    found[row, column] += WEIGHTS[weighting](distance, window)
    return found


@pytest.mark.parametrize("weighting", ["flat", "dynamic", "harmonic"])
@pytest.mark.parametrize("chunk_words", [700, 10**9])
def test_pairs_are_those_that_one_counts_by_hand(
    controlled: Path, weighting: Weighting, chunk_words: int
) -> None:
    text, words = _text(controlled), frequent(controlled, 30)
    found = cooccurrence(
        text, words, window=3, weighting=weighting, num_words=num_words(controlled),
        progress=False, chunk_words=chunk_words,
    )  # fmt: skip
    assert isinstance(found, sparse.csr_array)
    np.testing.assert_allclose(found.toarray(), _brute_force(text, words, 3, weighting))


def test_a_window_longer_than_every_sentence_is_all_pairs(controlled: Path) -> None:
    text, words = _text(controlled), frequent(controlled, 100)
    options = {"weighting": "flat", "num_words": 1, "progress": False}
    found = cooccurrence(text, words, window=10**4, chunk_words=5000, **options)
    np.testing.assert_allclose(found.toarray(), _brute_force(text, words, 10**4, "flat"))


@pytest.mark.parametrize(("shift", "smoothing"), [(1.0, 1.0), (1.0, 0.75), (5.0, 0.75), (3.0, 1.0)])
def test_ppmi_is_that_of_a_dense_matrix(
    random: np.random.Generator, shift: float, smoothing: float
) -> None:
    counts = random.poisson(0.7, (40, 40)) * random.random((40, 40))
    counts += counts.T
    joint = counts / counts.sum()
    context = counts.sum(0) ** smoothing / (counts.sum(0) ** smoothing).sum()
    with np.errstate(divide="ignore"):
        expected = np.log(joint / (joint.sum(1, keepdims=True) * context)) - np.log(shift)
    found = count.ppmi(sparse.csr_array(counts), shift=shift, smoothing=smoothing)
    np.testing.assert_allclose(found.toarray(), np.maximum(expected, 0), atol=1e-12)
    assert (found.data > 0).all()


@pytest.mark.parametrize("eigenvalue", [0.0, 0.5, 1.0])
def test_reduction_is_that_of_a_dense_svd(random: np.random.Generator, eigenvalue: float) -> None:
    left, right = (ortho_group.rvs(60, random_state=seed) for seed in (0, 1))
    matrix = left * np.linspace(6, 0.5, 60) @ right.T
    found = count.reduce(sparse.csr_array(matrix), 10, eigenvalue, seed=3)
    u, values, _ = np.linalg.svd(matrix)
    expected = u[:, :10] * values[:10] ** eigenvalue
    signs = np.sign((found * expected).sum(0))
    np.testing.assert_allclose(found, expected * signs, atol=1e-8)
    largest = np.abs(found).argmax(0)
    assert (found[largest, np.arange(10)] > 0).all()


def test_equal_runs_give_equal_bytes_and_the_seed_only_last_bits(controlled: Path) -> None:
    options = count.Config(dim=24, min_count=5)
    made = [
        count.train(options, controlled, seed=seed, progress=False)[0].table.weight.detach().numpy()
        for seed in (0, 0, 1)
    ]
    assert made[0].tobytes() == made[1].tobytes()
    np.testing.assert_allclose(made[0], made[2], atol=1e-4)


def test_costs_are_one_pass_and_the_nonzeros(controlled: Path) -> None:
    table, seen = count.train(count.Config(dim=8), controlled, seed=0, progress=False)
    assert seen == sum(map(len, _text(controlled)))
    assert table.costs["num_nonzeros"] > len(table.words)


def test_more_dimensions_than_words_are_refused(controlled: Path) -> None:
    num_known = len(frequent(controlled, 50))
    with pytest.raises(ConfigError, match=f"not less than the {num_known} known words"):
        count.train(count.Config(dim=2000, min_count=50), controlled, seed=0, progress=False)


def test_more_dimensions_than_the_matrix_has_are_refused(controlled: Path) -> None:
    low = sparse.csr_array(np.outer(np.arange(1.0, 21), np.arange(1.0, 21)))
    with pytest.raises(DataError, match="rank 1, less than dim = 5"):
        count.reduce(low, 5, 0.5, seed=0)
    with pytest.raises(DataError, match="rank 0, less than dim = 8; lower dim or shift"):
        count.train(count.Config(dim=8, shift=1e9), controlled, seed=0, progress=False)


def test_no_frequent_word_is_refused(controlled: Path) -> None:
    with pytest.raises(DataError, match="no word occurs 1000000 times"):
        count.train(count.Config(min_count=10**6), controlled, seed=0, progress=False)
