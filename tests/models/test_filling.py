"""Models that fill gaps, against probabilities computed by hand from the whole softmax."""

from __future__ import annotations

import math

import pytest
import torch

from polyseme.data.tokenizer import CLS, MASK, SEP, WordPieces
from polyseme.models import bert
from polyseme.models.base import SENTENCE, TEXT
from polyseme.models.common.table import Table

OPTIONS = bert.Config(
    dim=16, num_layers=2, num_heads=2, dim_ff=32, max_length=48, sequence_length=16
)


@pytest.fixture
def model(pieces: WordPieces) -> bert.Model:
    made = bert.Model(OPTIONS, pieces)
    made.reset(0)
    for weight in made.parameters():  # far from uniform
        torch.nn.init.normal_(
            weight, std=0.3, generator=torch.Generator().manual_seed(weight.numel())
        )
    return made.eval()


@torch.no_grad()
def _bits(model: bert.Model, words: list[str], place: int) -> float:
    """One sentence, one row, the definition."""
    ids = [list(model.pieces.ids(word)) for word in words]
    start = 1 + sum(map(len, ids[:place]))
    flat = [CLS, *(i for piece in ids for i in piece), SEP]
    targets = flat[start : start + len(ids[place])]
    flat[start : start + len(targets)] = [MASK] * len(targets)
    h_SD = model.encoder(torch.tensor([flat]))[-1][0]
    logs_SV = model.logits(h_SD).log_softmax(-1)
    return -sum(float(logs_SV[start + n, t]) for n, t in enumerate(targets)) / math.log(2)


def test_surprisal_is_that_of_the_hidden_pieces(model: bert.Model) -> None:
    texts = ["there was a crack in the wall".split(), "she lit a match".split(), ["bank"]]
    places = [3, 3, 0]
    expected = [_bits(model, text, place) for text, place in zip(texts, places, strict=True)]
    assert model.surprisals(texts, places) == pytest.approx(expected, rel=1e-4)


def test_a_text_of_several_sentences_is_one_row_and_another_text_another(model: bert.Model) -> None:
    first, second = "she lit a match".split(), "the bank of the river".split()
    row, start, _ = model._row([*first, SENTENCE, *second], 6)
    assert row.count(CLS) == row.count(SEP) == 2
    assert row[start] == MASK
    apart = model.surprisals([[*first, TEXT, *second]], [6])
    assert apart == pytest.approx([_bits(model, second, 1)], rel=1e-4)


def test_fillings_are_the_most_probable_pieces(model: bert.Model) -> None:
    found = model.fill("she lit a ___".split(), 3, 5)
    probabilities = [p for _, p in found]
    assert probabilities == sorted(probabilities, reverse=True)
    assert 0 < sum(probabilities) <= 1 + 1e-6
    assert all(isinstance(word, str) for word, _ in found)


def test_marks_have_zero_vectors_and_leave_words_of_other_texts_alone(
    model: bert.Model, pieces: WordPieces
) -> None:
    first, second = ["the", "bank"], ["a", "crack", "was"]
    table = Table(["the", "bank", "crack", "was"], 8, pieces, "mean")
    table.reset(0)
    table.set_vectors(table.table.weight[:-1].detach().numpy())
    for representation in (model, table):
        joined = representation.encode([[*first, TEXT, *second]])[0]
        apart = representation.encode([first, second])
        assert not joined[:, 2].any()
        assert torch.allclose(joined[:, :2], apart[0], atol=1e-6)
        assert torch.allclose(joined[:, 3:], apart[1], atol=1e-6)
