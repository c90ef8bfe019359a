"""Vectors of word types: asked for alone, in a template, as a mean of occurrences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.intrinsic.given import Given
from tests.intrinsic.known_places import Places

from polyseme.config import build
from polyseme.data.tokenizer import WordPieces
from polyseme.errors import ConfigError
from polyseme.intrinsic.common import types
from polyseme.intrinsic.common.types import TypeOptions, Variant
from polyseme.models.common.table import Table
from polyseme.tasks.base import Split

TEXTS = ["b x x".split(), "x B x b".split(), "x x x x x x x b".split(), "c b x".split()]
NOTHING = Split([["b", "c"]], [1.0])


def vectors(variant: Variant, *words: str, **values: int) -> np.ndarray:
    options = TypeOptions(**{"template": "this is a WORD .", "occurrences": 3} | values)  # type: ignore[arg-type]
    given = Given(NOTHING, texts=TEXTS)
    return types.type_vectors(options, Places(), given, words, variant).numpy()


def unit(*values: float) -> np.ndarray:
    return np.array(values) / np.linalg.norm(values)


def test_alone_a_word_is_its_own_sentence() -> None:
    np.testing.assert_allclose(vectors("alone", "b", "e")[1, 1], unit(4, 1, 0), atol=1e-6)


def test_in_a_template_it_stands_where_the_slot_is() -> None:
    np.testing.assert_allclose(vectors("template", "e")[1, 0], unit(4, 5, 3), atol=1e-6)


def test_a_phrase_is_the_mean_of_its_words() -> None:
    np.testing.assert_allclose(vectors("alone", "b e")[1, 0], unit(2.5, 2, 0.5), atol=1e-6)
    np.testing.assert_allclose(vectors("template", "b e")[1, 0], unit(2.5, 6, 3.5), atol=1e-6)


def test_the_mean_is_over_the_first_occurrences_whatever_their_case() -> None:
    expected = unit(1, (3 + 4 + 4) / 3, (0 + 1 + 3) / 3)
    np.testing.assert_allclose(vectors("mean", "b")[1, 0], expected, atol=1e-6)
    expected = unit(1, (3 + 4 + 4 + 8 + 3) / 5, (0 + 1 + 3 + 7 + 1) / 5)
    np.testing.assert_allclose(vectors("mean", "B", occurrences=9)[1, 0], expected, atol=1e-6)


def test_no_more_sentences_are_read_than_conf_says() -> None:
    found = vectors("mean", "b", occurrences=9, max_sentences=1)
    np.testing.assert_allclose(found[1, 0], unit(1, 3, 0), atol=1e-6)


def test_a_word_without_occurrence_is_taken_alone_and_counted() -> None:
    np.testing.assert_allclose(vectors("mean", "e")[1, 0], unit(4, 1, 0), atol=1e-6)
    np.testing.assert_allclose(vectors("mean", "b e")[1, 0], unit(2.5, 2, 0.5), atol=1e-6)
    given = Given(NOTHING, texts=TEXTS)
    assert types.seen(TypeOptions(), Places(), given, ["b", "e", "b e", "b c"]) == 0.5


def test_the_same_words_are_encoded_once() -> None:
    options, model, given = TypeOptions(), Places(), Given(NOTHING, texts=TEXTS)
    first = types.type_vectors(options, model, given, ["b", "c"], "mean")
    before = model.num_words
    second = types.type_vectors(options, model, given, ["b", "c"], "mean")
    assert model.num_words == before
    assert torch.equal(first, second)
    types.type_vectors(options, model, given, ["c", "b"], "mean")
    assert model.num_words == before + 2  # alone; the corpus is not read again


def test_a_table_is_asked_in_one_way(pieces: WordPieces) -> None:
    table = Table(["b"], 2, pieces, "zero").set_vectors(np.eye(1, 2))
    assert types.variants(TypeOptions(), table) == ["alone"]
    assert types.label(table, "alone") is None
    assert types.label(table, "LRCos", "alone") == "LRCos"
    assert types.label(Places(), "LRCos", "mean") == "LRCos/mean"


def test_what_stands_in_for_an_unknown_word(pieces: WordPieces) -> None:
    table = Table(["circum", "cir", "old", "ci"], 2, pieces, "zero")
    assert types.stand_in(table, "circumvents") == "circum"
    assert types.stand_in(table, "circles") == "cir"
    assert types.stand_in(table, "cite") == "cite"
    assert types.stand_in(table, "Old circus") == "Old cir"
    assert not types.knows(table, "old circus") and types.knows(table, "old cir")


@pytest.mark.parametrize("template", ["this is a word .", "WORD or WORD", "in WORDS"])
def test_a_template_has_one_place(template: str) -> None:
    with pytest.raises(ConfigError, match="a sentence with WORD in it, once"):
        build(TypeOptions, {"template": template}, file="conf/intrinsic/x.yaml")
