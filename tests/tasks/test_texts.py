"""Texts to words, and splits that a source does not have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from polyseme.config import build
from polyseme.corpora import text as corpus_reader
from polyseme.corpora.base import RawDocument
from polyseme.data.cleaning import Cleaner
from polyseme.errors import ConfigError, DataError
from polyseme.models.base import SENTENCE, TEXT
from polyseme.tasks.base import Split, read, write
from polyseme.tasks.common.texts import Item, TextOptions, Texts, facts, splits

RAW = "Dr. Who didn't pay 1,000.50 \u20ac\u200b \u2014 he can\u2019t.  He left!"


def _options(**values: Any) -> TextOptions:
    given = {"module": "table", "source": "x", "tokenised": True} | values
    return build(TextOptions, given, file="test")


def _words(text: str, **values: Any) -> list[str]:
    return Texts(_options(**values)).item([text], "x", where="f:1").words


def test_raw_text_has_the_words_of_a_corpus() -> None:
    options = corpus_reader.Config(document="file", paragraph="line")
    clean = Cleaner("text", options, "en", 1, 1, 2)
    (document,) = clean([RawDocument("x", RAW, 0)])
    found = " ".join(_words(RAW, tokenised=False, sentences="found")).split(f" {SENTENCE} ")
    assert found == [" ".join(words) for words in document.sentences]
    assert len(found) > 1
    assert " ".join(found).split() == _words(RAW, tokenised=False)


def test_tokenised_text_is_split_at_spaces_alone() -> None:
    assert _words("do n't -- stop . \u00a0 now\u200b") == ["do", "n't", "--", "stop", ".", "now"]
    assert _words("e\u0301t\u00e9") == ["\u00e9t\u00e9"]


def test_lines_of_a_document_become_sentences() -> None:
    assert _words("a b\n\n \nc\n", sentences="lines") == ["a", "b", SENTENCE, "c"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("هذا كتاب.", ["هذا", "كتاب", "."]),
        ("I 💖 it", ["I", "💖", "it"]),
        ("你好", ["你好"]),
    ],
)  # fmt: skip
def test_other_scripts_and_emoji_are_words(text: str, words: list[str]) -> None:
    assert _words(text, tokenised=False) == words


def test_what_is_cut_is_noted_and_no_text_ends_with_a_mark(tmp_path: Path) -> None:
    long = " ".join(["word"] * 10_000)
    item = Texts(_options()).item([long], "x", where="f:1")
    assert (len(item.words), item.cut) == (10_000, False)
    made = Texts(_options(max_words=2, sentences="lines"))
    pair = made.item(["a\nb c", "d"], "x", where="f:1")
    assert pair == Item(["a", TEXT, "d"], "x", 1, True, f"a {SENTENCE} b c")
    found = splits(
        _options(), {"train": [made.item(["a b"], "x", where=""), pair._replace(place=None)]}
    )
    assert found["train"].cut == [False, True]
    write(tmp_path, found, {"name": "toy"})
    assert read(tmp_path, "train") == found["train"]


@pytest.mark.parametrize("text", ["", "  ", "\u200b\ufeff", "\n \n"])
def test_a_text_without_words_is_named(text: str) -> None:
    for options in ({}, {"tokenised": False, "sentences": "found"}):
        with pytest.raises(DataError, match=r"f:7: a text without words; write it or delete it"):
            Texts(_options(**options)).item(["a", text], "x", where="f:7")


def _items(count: int, seed: int = 0) -> list[Item]:
    random = np.random.default_rng(seed)
    made = Texts(_options())
    return [
        made.item([f"Item {random.integers(10**9)}"], str(n % 2), where="") for n in range(count)
    ]


def test_held_out_items_follow_from_text_and_seed() -> None:
    held_out = {"seed": 0, "valid": 0.1, "test": 0.2}
    items = _items(3000)
    found = splits(_options(held_out=held_out), {"train": items})
    sizes = {name: len(split) / 3000 for name, split in found.items()}
    for name, share in {"train": 0.7, "valid": 0.1, "test": 0.2}.items():
        assert abs(sizes[name] - share) < 4 * (share * (1 - share) / 3000) ** 0.5
    shuffled = [items[i] for i in np.random.default_rng(1).permutation(3000)] + _items(500, 7)
    again = splits(_options(held_out=held_out), {"train": shuffled})
    assert {tuple(w) for w in found["test"].sentences} <= {
        tuple(w) for w in again["test"].sentences
    }
    other = splits(_options(held_out=held_out | {"seed": 1}), {"train": items})
    assert other["test"].sentences != found["test"].sentences


def test_equal_texts_and_pairs_with_the_same_first_text_stay_together() -> None:
    made = Texts(_options())
    items = [
        made.item([("A b" if case else "a B") + f" {n}", f"other {case}"], "x", where="")
        for n in range(100)
        for case in range(2)
    ]
    found = splits(_options(held_out={"seed": 3, "valid": 0.3, "test": 0.3}), {"train": items})
    firsts = [{s[2] for s in split.sentences} for split in found.values()]
    assert sum(map(len, firsts)) == 100
    assert all(
        len(split) == 2 * len(each) for split, each in zip(found.values(), firsts, strict=True)
    )


def test_an_official_split_is_left_alone() -> None:
    items = _items(200)
    given = {"train": items, "test": items[:50]}
    found = splits(_options(held_out={"seed": 0, "valid": 0.5}), given)
    assert list(found) == ["train", "valid", "test"]
    assert len(found["test"]) == 50
    assert len(found["train"]) + len(found["valid"]) == 200
    assert list(splits(_options(), given)) == ["train", "test"]


def test_fewer_items_are_drawn_from_all_and_nested() -> None:
    items = _items(300)
    small, large = (
        splits(_options(max_items={"train": n}), {"train": items})["train"] for n in (20, 100)
    )
    kept = [item.words for item in items]
    places = [kept.index(words) for words in small.sentences]
    assert places == sorted(places) and max(places) > 150
    assert {tuple(w) for w in small.sentences} < {tuple(w) for w in large.sentences}


def test_the_card_tells_how_texts_were_made() -> None:
    options = _options(max_words=9, held_out={"seed": 4, "valid": 0.1})
    held_out = {"seed": 4, "valid": 0.1, "test": 0.0}
    wanted = {"tokenised": True, "max_words": 9, "held_out": held_out}
    assert facts(options, Path()) == wanted


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"held_out": {"seed": 0, "valid": 0.5, "test": 0.5}}, "valid \\+ test < 1"),
        ({"held_out": {"valid": 0.5}}, "'held_out.seed' is missing"),
        ({"sentences": "found"}, "one or lines, where text is tokenised"),
        ({"max_items": {"dev": 3}}, "max_items.dev"),
        ({"encoding": "ebcdic"}, "encoding = 'ebcdic'"),
        ({"max_words": 0}, "max_words = 0"),
    ],
)
def test_options_that_do_not_fit_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        _options(**values)


def test_a_split_can_be_thinned_with_all_its_columns() -> None:
    split = Split([["a"], ["b"], ["c"]], ["x", "y", "z"], places=[[0], [1], [2]])
    assert split.chosen([2, 0]) == Split([["c"], ["a"]], ["z", "x"], places=[[2], [0]])
