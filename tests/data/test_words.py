from __future__ import annotations

from polyseme.data.words import WordSplitter


def test_words() -> None:
    words = WordSplitter("en").words
    assert words("Don't pay $1,000.50, it's O’Brien's!") == [
        "Don't", "pay", "$", "1,000.50", ",", "it's", "O’Brien's", "!",
    ]  # fmt: skip
    assert words("self-made 'quoted' 2nd") == [
        "self", "-", "made", "'", "quoted", "'", "2", "nd",
    ]  # fmt: skip
    assert words("naïve नमस्ते 東京") == ["naïve", "नमस्ते", "東京"]
    assert words(" \u00a0 ") == []


def test_sentences_know_abbreviations_of_the_language() -> None:
    found = WordSplitter("en").sentences(["Dr. Smith left. He was late.", "", "One more"])
    assert found == [
        ["Dr", ".", "Smith", "left", "."],
        ["He", "was", "late", "."],
        ["One", "more"],
    ]
