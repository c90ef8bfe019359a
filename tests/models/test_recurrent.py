"""elmo and awd_lstm as representations and as language models."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from polyseme.data.tokenizer import CLS, SEP, WordPieces
from polyseme.models import awd_lstm, elmo
from polyseme.models.common.characters import (
    BEGIN_SENTENCE,
    BEGIN_WORD,
    END_WORD,
    NUM_CHARACTERS,
    PADDING,
    CharacterCNN,
    of_pieces,
)
from polyseme.models.common.language_model import LanguageModel

TOLERANCE = 1e-5
SMALL: dict[str, dict[str, Any]] = {
    "elmo": {"dim": 16, "cell_dim": 12, "filters": [[1, 4], [2, 4], [3, 8]], "character_dim": 4},
    "awd_lstm": {"dim": 12, "hidden_dim": 16},
}


def _make(name: str, pieces: WordPieces, **changes: Any) -> LanguageModel:
    values = SMALL[name] | changes
    if name == "elmo":
        values["filters"] = tuple(map(tuple, values["filters"]))
    module: Any = {"elmo": elmo, "awd_lstm": awd_lstm}[name]
    model: LanguageModel = module.Model(module.Config(**values), pieces)
    model.reset(0)
    return model.eval()


@pytest.fixture(params=["elmo", "awd_lstm"])
def model(request: pytest.FixtureRequest, pieces: WordPieces) -> LanguageModel:
    return _make(request.param, pieces)


def _ids(sentence: list[str], pieces: WordPieces) -> list[int]:
    return [CLS, *(i for word in sentence for i in pieces.ids(word)), SEP]


def test_vectors_depend_neither_on_the_batch_nor_on_what_was_encoded_before(
    model: LanguageModel, toy_sentences: list[list[str]]
) -> None:
    sentences = [s[: 3 + i] for i, s in enumerate(toy_sentences)]
    together = model.encode(sentences)
    alone = [model.encode([s])[0] for s in sentences]
    backwards = model.encode(sentences[::-1])[::-1]
    for sentence, a, b, c in zip(sentences, together, alone, backwards, strict=True):
        assert a.shape == (model.num_layers, len(sentence), model.dim)
        assert max((a - b).abs().max(), (a - c).abs().max()) <= TOLERANCE
        assert a.std() > 1e-3


def test_random_weights_depend_on_the_seed_alone(
    model: LanguageModel, toy_sentences: list[list[str]]
) -> None:
    first = model.encode(toy_sentences[:2])
    model.reset(1)
    other = model.encode(toy_sentences[:2])
    torch.manual_seed(9)
    model.reset(0)
    again = model.encode(toy_sentences[:2])
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])


def test_sums_of_losses_are_exact_over_any_set_of_batches(
    model: LanguageModel, random: np.random.Generator
) -> None:
    ids_BS = random.integers(5, 300, (6, 16))
    ids_BS[:, 4], ids_BS[:, 5] = SEP, CLS
    flags_BS = np.ones_like(ids_BS, dtype=np.uint8)

    def sums(rows: slice) -> torch.Tensor:
        made = model.make_batch(ids_BS[rows], flags_BS[rows], random)
        with torch.no_grad():
            found = model.losses({name: torch.from_numpy(a) for name, a in made.items()})
        return torch.stack([found.nats, found.tokens, found.bytes])

    parts = sums(slice(0, 1)) + sums(slice(1, 4)) + sums(slice(4, 6))
    assert torch.allclose(sums(slice(0, 6)), parts, rtol=1e-5)


def test_every_piece_is_predicted_once_in_each_direction(pieces: WordPieces) -> None:
    row = np.array([[10, 11, SEP, CLS, 12, 13]])
    lengths = np.asarray(pieces.byte_lengths)
    for name, targets in (
        ("awd_lstm", [11, SEP, 12, 13]),
        ("elmo", [11, SEP, 12, 13, 10, 11, CLS, 12]),
    ):
        model = _make(name, pieces)
        made = model.make_batch(row, np.ones_like(row), np.random.default_rng(0))
        found = model.losses({key: torch.from_numpy(a) for key, a in made.items()})
        assert int(found.tokens) == len(targets)
        assert int(found.bytes) == lengths[targets].sum()


def test_no_direction_of_elmo_sees_what_it_predicts(pieces: WordPieces) -> None:
    model = _make("elmo", pieces)
    ids_RS = torch.tensor([[CLS, 10, 20, 30, 40, SEP]])
    changed_RS = ids_RS.clone()
    changed_RS[0, 3] = 31
    with torch.no_grad():
        states = [model.hidden_states(ids, None) for ids in (ids_RS, changed_RS)]
    for one, other in list(zip(*states, strict=True))[1:]:
        same = (one == other).view(6, 2, model.dim // 2).all(-1)
        assert same[:, 0].tolist() == [True, True, True, False, False, False]
        assert same[:, 1].tolist() == [False, False, False, False, True, True]


def test_awd_lstm_sees_the_left_side_only(pieces: WordPieces) -> None:
    model = _make("awd_lstm", pieces)
    ids_RS = torch.tensor([[CLS, 10, 20, 30, 40, SEP]])
    changed_RS = ids_RS.clone()
    changed_RS[0, 3] = 31
    with torch.no_grad():
        states = [model.hidden_states(ids, None) for ids in (ids_RS, changed_RS)]
    for one, other in zip(*states, strict=True):
        assert (one == other).all(-1)[0, :3].all()


def test_characters_of_pieces_tell_where_words_begin_and_nothing_of_other_pieces(
    pieces: WordPieces,
) -> None:
    characters_VC = of_pieces(pieces, 12)
    first, *later = pieces.ids("uncrackable")
    piece = pieces.tokenizer.id_to_token(first).removeprefix("Ġ")
    expected = [BEGIN_WORD, *piece.encode(), END_WORD]
    assert characters_VC[first].tolist() == expected + [PADDING] * (12 - len(expected))
    assert later
    for index in later:
        piece = pieces.tokenizer.id_to_token(index)
        assert characters_VC[index].tolist()[: len(piece) + 1] == [*piece.encode(), END_WORD]
    assert characters_VC[CLS].tolist()[:3] == [BEGIN_WORD, BEGIN_SENTENCE, END_WORD]
    assert characters_VC.max() < NUM_CHARACTERS
    accented = pieces.ids("é")  # two bytes, neither of them printable
    spelled = [c for i in accented for c in characters_VC[i].tolist() if c < 256]
    assert bytes(spelled).decode() == "é"


def test_padding_beyond_one_window_does_not_change_a_word() -> None:
    torch.manual_seed(0)
    network = CharacterCNN(
        dim=4, filters=[(1, 4), (3, 8), (5, 8)], num_highways=2, activation="relu",
        projection_dim=6, max_characters=50,
    )  # fmt: skip
    words = torch.full((2, 50), PADDING)
    words[0, :3] = torch.tensor([BEGIN_WORD, 97, END_WORD])
    words[1, :6] = torch.tensor([BEGIN_WORD, 97, 98, 99, 100, END_WORD])
    short = network(words)
    network.widest = 50
    assert (network(words) - short).abs().max() <= 1e-6
