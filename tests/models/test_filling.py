"""Models that fill gaps, against probabilities computed by hand from the whole softmax."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import pytest
import torch
from tests.intrinsic.given import Given

from polyseme.data.tokenizer import CLS, MASK, SEP, WordPieces
from polyseme.intrinsic import gaps
from polyseme.models import bert, electra, gpt, gpt_bert
from polyseme.models.base import SENTENCE, TEXT, Representation, Words
from polyseme.models.common.filling import Filling, locate
from polyseme.models.common.table import Table
from polyseme.tasks.base import Split

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


NETWORK = {
    "dim": 16, "num_layers": 2, "num_heads": 2, "dim_ff": 32, "max_length": 48,
    "sequence_length": 16,
}  # fmt: skip
TEXTS = ["there was a crack in the wall".split(), "she lit a match".split(), ["bank"]]


def _made(module: Any, pieces: WordPieces, **values: Any) -> Any:
    made = module.Model(module.Config(**NETWORK, **values), pieces)
    for weight in made.parameters():  # far from uniform
        torch.nn.init.normal_(
            weight, std=0.3, generator=torch.Generator().manual_seed(weight.numel())
        )
    return made.eval()


@torch.no_grad()
def _bits_from_the_left(model: Any, words: list[str], place: int) -> float:
    """One prefix after the other, the definition."""
    before = [CLS, *(i for word in words[:place] for i in model.pieces.ids(word))]
    bits = 0.0
    for piece in model.pieces.ids(words[place]):
        logs_V = model.causal_logits(torch.tensor([before]))[0, -1].log_softmax(-1)
        bits -= float(logs_V[piece]) / math.log(2)
        before.append(piece)
    return bits


@pytest.mark.parametrize(("module", "values"), [(gpt, {}), (gpt_bert, {"sides": "left"})])
def test_surprisal_from_the_left_is_that_of_each_piece_after_those_before(
    pieces: WordPieces, module: Any, values: dict[str, Any]
) -> None:
    model = _made(module, pieces, **values)
    assert model.sides == "left"
    places = [3, 0, 0]
    expected = [_bits_from_the_left(model, t, p) for t, p in zip(TEXTS, places, strict=True)]
    assert model.surprisals(TEXTS, places) == pytest.approx(expected, rel=1e-4)
    whole = [-sum(_bits_from_the_left(model, t, p) for p in range(len(t))) for t in TEXTS]
    assert model.scores(TEXTS) == pytest.approx(whole, rel=1e-4)


def test_a_causal_model_fills_a_gap_by_what_follows_as_well(pieces: WordPieces) -> None:
    model = _made(gpt, pieces)
    text = "she lit a ___ and the room was bright".split()
    found = model.fill(text, 3, 60)
    assert [p for _, p in found] == sorted((p for _, p in found), reverse=True)
    found = [(word, p) for word, p in found if word.isalpha() and len(pieces.ids(word)) == 1][:2]
    bits = {}
    for word, _ in found:
        filled = [*text[:3], word, *text[4:]]
        bits[word] = sum(_bits_from_the_left(model, filled, p) for p in range(3, len(filled)))
        ids = [CLS, *(i for w in filled for i in pieces.ids(w))]
        with torch.no_grad():
            logs = model.causal_logits(torch.tensor([ids]))[0, -1].log_softmax(-1)
        bits[word] -= float(logs[SEP]) / math.log(2)
    (one, p), (other, q) = found
    assert math.log2(p / q) == pytest.approx(bits[other] - bits[one], rel=1e-3)


def test_gpt_bert_guesses_a_hidden_word_from_the_states_before_it(pieces: WordPieces) -> None:
    model = _made(gpt_bert, pieces)
    words, place = TEXTS[0], 3
    ids = [list(pieces.ids(word)) for word in words]
    start = 1 + sum(map(len, ids[:place]))
    flat = [CLS, *(i for piece in ids for i in piece), SEP]
    targets = ids[place]
    flat[start : start + len(targets)] = [MASK] * len(targets)
    with torch.no_grad():
        h_SD = model.encoder(torch.tensor([flat]))[-1][0]
        logs_SV = model.head(h_SD, model.encoder.tokens.weight).log_softmax(-1)
    bits = -sum(float(logs_SV[start - 1 + n, t]) for n, t in enumerate(targets)) / math.log(2)
    assert model.surprisals([words], [place]) == pytest.approx([bits], rel=1e-4)
    assert model.sides == "both"


def test_electra_scores_a_sentence_by_its_discriminator(pieces: WordPieces) -> None:
    model = _made(electra, pieces)
    expected = []
    for words in TEXTS:
        ids = [CLS, *(i for word in words for i in pieces.ids(word)), SEP]
        with torch.no_grad():
            real_S = 1 - model.suspicion(torch.tensor([ids]), None)[0].sigmoid()
        expected.append(float(real_S[1:-1].log2().sum()))
    assert model.scores(TEXTS) == pytest.approx(expected, rel=1e-3)


def test_a_model_from_the_left_has_bits_of_another_name_and_no_floor(pieces: WordPieces) -> None:
    items = Split(TEXTS, [1.0, 2.0, 3.0], [[3], [1], [0]])
    for module, names in ((gpt, {"bits_per_gap_from_the_left"}), (electra, {"excess_error"})):
        rows = list(gaps.measure(gaps.Config(), _made(module, pieces), Given(items)))
        assert names <= {row["metric"] for row in rows}
        assert ("floor_bits_per_gap" in {row["metric"] for row in rows}) == (module is electra)


def test_the_excess_is_what_the_model_needs_more_than_the_floor() -> None:
    class Said(Filling):
        sides = "both"

        def surprisals(self, texts: Sequence[Words], places: Sequence[int]) -> list[float]:
            return [float(text[place]) for text, place in zip(texts, places, strict=True)]

        def fill(self, text: Words, place: int, num_words: int) -> list[tuple[str, float]]:
            raise NotImplementedError

    items = Split([["3"], ["x", "5"]], [1.0, 2.0], [[0], [1]])
    rows = gaps.measure(gaps.Config(), cast("Representation", Said()), Given(items))
    assert {row["metric"]: row["value"] for row in rows} == {
        "bits_per_gap": 4.0, "floor_bits_per_gap": 1.5, "excess_bits_per_gap": 2.5,
        "excess_error": pytest.approx(0.5),
    }  # fmt: skip


@torch.no_grad()
def _bits(model: bert.Model, words: list[str], place: int, *, whole: bool = False) -> float:
    """One row for each piece, the definition of Kauf & Ivanova (2023)."""
    ids = [list(model.pieces.ids(word)) for word in words]
    start = 1 + sum(map(len, ids[:place]))
    end = start + len(ids[place])
    bits = 0.0
    for n in range(start, end):
        flat = [CLS, *(i for piece in ids for i in piece), SEP]
        first = start if whole else n
        flat[first:end] = [MASK] * (end - first)
        h_SD = model.encoder(torch.tensor([flat]))[-1][0]
        logs_V = model.logits(h_SD[n]).log_softmax(-1)
        bits -= float(logs_V[ids[place][n - start]]) / math.log(2)
    return bits


LONG = "there was an unbelievable crackdown in the riverbank".split()


def test_surprisal_is_that_of_the_pieces_from_left_to_right(model: bert.Model) -> None:
    texts, places = [*TEXTS, LONG, LONG], [3, 3, 0, 3, 4]
    assert len(model.pieces.ids(LONG[3])) > 2
    expected = [_bits(model, text, place) for text, place in zip(texts, places, strict=True)]
    assert model.surprisals(texts, places) == pytest.approx(expected, rel=1e-5)
    assert abs(expected[3] - _bits(model, LONG, 3, whole=True)) > 0.01


def test_scores_are_pseudo_log_likelihoods_of_either_kind(model: bert.Model) -> None:
    texts = [*TEXTS, LONG, [*TEXTS[0], SENTENCE, *TEXTS[1]]]
    for whole, found in ((False, model.scores(texts)), (True, model.whole_word_scores(texts))):
        expected = [-sum(_bits(model, t, p, whole=whole) for p in range(len(t))) for t in texts[:4]]
        assert found[:4] == pytest.approx(expected, rel=1e-4)
    words = model.word_surprisals(texts)
    assert words[4][len(TEXTS[0])] == 0 and all(bits > 0 for bits in words[4][: len(TEXTS[0])])


def test_equal_rows_are_computed_once_and_none_has_padding(
    model: bert.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pair that differs in one word of one piece has one row in which it is hidden."""
    seen: list[torch.Tensor] = []
    forward = model.masked_logits

    def recorded(
        ids_RS: torch.Tensor, attend_RS: torch.Tensor, positions_M: torch.Tensor
    ) -> torch.Tensor:
        assert attend_RS.all() and len(positions_M) <= 4 * len(ids_RS)
        seen.append(ids_RS)
        return forward(ids_RS, attend_RS, positions_M)

    monkeypatch.setattr(model, "masked_logits", recorded)
    one, other = "she lit a match".split(), "she lit a bank".split()
    assert all(len(model.pieces.ids(word)) == 1 for word in ("match", "bank"))
    num_pieces = sum(len(model.pieces.ids(word)) for word in one)
    model.scores([one, other, one, TEXTS[0]])
    assert len({len(ids_RS[0]) for ids_RS in seen}) == 2
    rows = [tuple(row) for ids_RS in seen for row in ids_RS.tolist()]
    assert len(set(rows)) == len(rows)
    short = [row for row in rows if len(row) == num_pieces + 2]
    assert len(short) == 2 * num_pieces - 1


def test_a_text_of_several_sentences_is_one_row_and_another_text_another(model: bert.Model) -> None:
    first, second = "she lit a match".split(), "the bank of the river".split()
    row, start, end = locate(model, [*first, SENTENCE, *second], 6)
    assert row.count(CLS) == row.count(SEP) == 2
    assert tuple(row[start:end]) == model.pieces.ids("bank")
    apart = model.surprisals([[*first, TEXT, *second]], [6])
    assert apart == pytest.approx([_bits(model, second, 1)], rel=1e-4)


def test_fillings_are_the_most_probable_pieces(model: bert.Model) -> None:
    found = model.fill("she lit a ___".split(), 3, 5)
    probabilities = [p for _, p in found]
    assert probabilities == sorted(probabilities, reverse=True)
    assert 0 < sum(probabilities) <= 1 + 1e-6
    assert all(isinstance(word, str) for word, _ in found)
    assert len(model.pieces.ids("___")) > 1 == len(model.pieces.ids("match"))
    every = model.fill("she lit a match".split(), 3, 10**6)
    assert sum(p for _, p in every) == pytest.approx(1, abs=1e-4)
    assert model.fill("she lit a match".split(), 3, 5) == found  # one piece, whatever stands there


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
