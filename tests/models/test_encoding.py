"""encode: one row a word, the same vectors whatever else is in the batch."""

from __future__ import annotations

import pytest
import torch

from polyseme.data.tokenizer import WordPieces
from polyseme.models import bert, electra, gpt, gpt_bert
from polyseme.models.base import Representation, length_sorted_batches
from polyseme.models.common.table import Table

TOLERANCE = 1e-5


def _bert(pieces: WordPieces, pooling: str = "mean", max_length: int = 64) -> bert.Model:
    options = bert.Config(
        dim=32, num_layers=2, num_heads=2, dim_ff=64, max_length=max_length, sequence_length=8,
        pooling=pooling,
    )  # fmt: skip
    model = bert.Model(options, pieces)
    model.reset(0)
    return model.eval()


def _table(pieces: WordPieces) -> Table:
    table = Table(["crack", "the", "wall"], 16, pieces, "zero")
    table.reset(1)
    return table.eval()


TRANSFORMERS = {
    "bert, rotary": (bert, {"positions": "rotary"}),
    "gpt": (gpt, {}),
    "gpt, rotary": (gpt, {"positions": "rotary"}),
    "electra": (electra, {}),
    "gpt_bert": (gpt_bert, {}),
    "gpt_bert, left": (gpt_bert, {"sides": "left"}),
}


def _transformer(pieces: WordPieces, name: str) -> Representation:
    module, values = TRANSFORMERS[name]
    options = module.Config(
        dim=32, num_layers=2, num_heads=2, dim_ff=64, max_length=64, sequence_length=8, **values
    )
    model = module.Model(options, pieces)
    model.reset(0)
    return model.eval()


@pytest.fixture(params=["bert", "table", *TRANSFORMERS])
def representation(request: pytest.FixtureRequest, pieces: WordPieces) -> Representation:
    made = {"bert": _bert, "table": _table}.get(request.param)
    return made(pieces) if made else _transformer(pieces, request.param)


def test_a_sentence_has_one_row_a_word_and_all_layers(
    representation: Representation, toy_sentences: list[list[str]]
) -> None:
    for sentence, h_LTD in zip(toy_sentences, representation.encode(toy_sentences), strict=True):
        assert h_LTD.shape == (representation.num_layers, len(sentence), representation.dim)


def test_vectors_do_not_depend_on_the_batch_or_the_order(
    representation: Representation, toy_sentences: list[list[str]]
) -> None:
    sentences = [s[: 3 + i] for i, s in enumerate(toy_sentences)]
    together = representation.encode(sentences)
    backwards = representation.encode(sentences[::-1])[::-1]
    alone = [representation.encode([s])[0] for s in sentences]
    for a, b, c in zip(together, backwards, alone, strict=True):
        assert (a - b).abs().max() <= TOLERANCE
        assert (a - c).abs().max() <= TOLERANCE


def test_an_empty_sentence_has_no_rows(representation: Representation) -> None:
    first, empty = representation.encode([["crack"], []])
    assert first.shape[1] == 1
    assert empty.shape == (representation.num_layers, 0, representation.dim)


def test_context_changes_a_contextual_vector_and_not_a_static_one(pieces: WordPieces) -> None:
    sentences = [["the", "crack", "wall"], ["the", "crack", "drug"]]
    for model, same in ((_bert(pieces), False), (_table(pieces), True)):
        one, other = (h[-1, 1] for h in model.encode(sentences))
        assert torch.equal(one, other) == same


@pytest.mark.parametrize(
    ("name", "sees"),
    [("gpt", False), ("gpt, rotary", False), ("gpt_bert, left", False), ("gpt_bert", True)],
)
def test_a_causal_vector_knows_nothing_of_what_comes_after(
    pieces: WordPieces, name: str, sees: bool
) -> None:
    one, other = _transformer(pieces, name).encode([["a", "crack", "wall"], ["a", "crack", "drug"]])
    same = (one[:, :2] - other[:, :2]).abs().max() <= TOLERANCE
    assert same != sees
    assert not torch.equal(one[-1, 1], one[0, 1])


@pytest.mark.parametrize("name", ["bert, rotary", "gpt, rotary"])
def test_rotary_positions_tell_the_order(pieces: WordPieces, name: str) -> None:
    one, other = _transformer(pieces, name).encode([["a", "wall", "crack"], ["wall", "a", "crack"]])
    assert torch.allclose(one[0, 2], other[0, 2])
    assert (one[-1, 2] - other[-1, 2]).abs().max() > TOLERANCE


@pytest.mark.parametrize("pooling", ["first", "last", "mean"])
def test_pooling_takes_the_named_pieces(pieces: WordPieces, pooling: str) -> None:
    model, word = _bert(pieces, pooling), "uncrackable"
    ids = pieces.ids(word)
    assert len(ids) > 2
    with torch.no_grad():
        rows = model.hidden_states(torch.tensor([[2, *ids, 3]]), None)
    expected = {"first": rows[-1][0, 1], "last": rows[-1][0, -2], "mean": rows[-1][0, 1:-1].mean(0)}
    found = model.encode([[word]])[0][-1, 0]
    assert torch.allclose(found, expected[pooling], atol=TOLERANCE)


def test_a_sentence_longer_than_the_network_is_cut_between_words(pieces: WordPieces) -> None:
    model = _bert(pieces, max_length=16)
    words = ["crack", "the", "wall"] * 20
    found = model.encode([words])[0]
    assert found.shape[1] == len(words)
    assert (found[-1].norm(dim=-1) > 0).all()
    first = next(iter(model._rows(words)))[1]
    alone = model.encode([words[: len(first)]])[0]
    assert torch.allclose(found[:, : len(first)], alone, atol=TOLERANCE)


def test_a_word_longer_than_the_network_keeps_its_beginning(pieces: WordPieces) -> None:
    found = _bert(pieces, max_length=16).encode([["x" * 500, "wall"]])[0]
    assert found.shape[1] == 2
    assert torch.isfinite(found).all()


def test_arabic_emoji_and_an_empty_word_have_finite_vectors(representation: Representation) -> None:
    h_LTD = representation.encode([["كتاب", "🙂", "", "crack"]])[0]
    assert h_LTD.shape[1] == 4
    assert torch.isfinite(h_LTD).all()


def test_unknown_words_of_a_table_follow_its_policy(pieces: WordPieces) -> None:
    for policy in ("zero", "mean"):
        table = Table(["crack", "wall"], 8, pieces, policy)
        table.reset(0)
        known = torch.stack([table.encode([[w]])[0][0, 0] for w in ("crack", "wall")])
        expected = torch.zeros(8) if policy == "zero" else known.mean(0)
        assert torch.allclose(table.encode([["zyzzyva"]])[0][0, 0], expected, atol=TOLERANCE)
        assert table.knows("CRACK")  # the corpus lower-cases
        assert not table.knows("zyzzyva")


def test_batches_hold_every_sentence_once_within_the_bound() -> None:
    lengths = [5, 0, 3, 9, 1, 40, 5]
    batches = list(length_sorted_batches(lengths, 12))
    assert sorted(i for b in batches for i in b) == [0, 2, 3, 4, 5, 6]
    assert all(len(b) == 1 or len(b) * max(lengths[i] for i in b) <= 12 for b in batches)
