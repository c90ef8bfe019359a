from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from polyseme.data.words import WordSplitter, word_splitter, written_out
from polyseme.tasks import base as task


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


QUOTES = st.sampled_from("'’“”–…1é")


@given(
    st.text(st.characters(max_codepoint=127))
    | st.text(st.characters(max_codepoint=0x24F) | QUOTES)
    | st.text(st.characters(max_codepoint=0x2100, exclude_categories=["Cs"]) | QUOTES)
)
def test_words_are_those_of_the_tokenizer_s_pattern(text: str) -> None:
    found = [word for word, _ in word_splitter().pre_tokenize_str(text)]
    assert WordSplitter("en").words(text) == found


def test_every_latin_character_is_taken_as_the_tokenizer_takes_it() -> None:
    for character in [*map(chr, range(0x250)), *map(chr, range(0x2010, 0x2028))]:
        for text in (character, f"a{character}b", f"1{character}2", f"é'{character} x"):
            found = [word for word, _ in word_splitter().pre_tokenize_str(text)]
            assert WordSplitter("en").words(text) == found, repr(text)


def test_sentences_know_abbreviations_of_the_language() -> None:
    found = WordSplitter("en").sentences(["Dr. Smith left. He was late.", "", "One more"])
    assert found == [
        ["Dr", ".", "Smith", "left", "."],
        ["He", "was", "late", "."],
        ["One", "more"],
    ]


def test_where_no_space_stood_is_kept(tmp_path: Path) -> None:
    text = "Some ex-wives, of 3.5 men, don't (like) him."
    words = WordSplitter("en").spaced(text)
    assert words == WordSplitter("en").words(text)
    written, starts = written_out(words)
    assert written == text
    assert [text[start:].startswith(word) for start, word in zip(starts, words, strict=True)]
    assert written_out(WordSplitter("en").words("a, b")) == ("a , b", [0, 2, 4])
    split = task.Split([words, ["a", "b"]], ["x", "y"])
    task.write(tmp_path, dict.fromkeys(task.SPLITS, split), {"name": "t"})
    both = task.read(tmp_path, "test").sentences
    assert [written_out(found)[0] for found in both] == [text, "a b"]
