from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from polyseme.data.text import normalize, normalize_all, split_paragraphs


def test_normal_form() -> None:
    assert normalize("  Cafe\u0301\u00a0 au\tlait\n") == "Café au lait"
    assert normalize("soft\u00adhyphen zero\u200bwidth \ufeffmark \u202abidi\u202c") == (
        "softhyphen zerowidth mark bidi"
    )
    assert normalize("half \ud83d pair\x07") == "half pair"


@given(st.text())
def test_normalisation_is_idempotent_and_can_be_encoded(text: str) -> None:
    once = normalize(text)
    assert normalize(once) == once
    assert unicodedata.is_normalized("NFC", once)
    once.encode()


def test_paragraphs() -> None:
    text = "one\ntwo\n \nthree\n\n\n\nfour"
    blocks = normalize_all(split_paragraphs(text, "blank_line"))
    assert blocks == ["one two", "three", "four"]
    assert normalize_all(split_paragraphs(text, "line")) == ["one", "two", "three", "four"]
