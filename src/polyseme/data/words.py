"""Sentences and words.

Sentences come from sentencex (Wikimedia's rule-based segmenter), words from one regular
expression that also stands in tokenizer.json, so that an exported tokenizer splits raw text in the
same way: letters with inner apostrophes; digits with inner points and commas; any other visible
character alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from sentencex import segment
from tokenizers import Regex
from tokenizers.normalizers import NFC, Lowercase, Normalizer
from tokenizers.normalizers import Sequence as NormalizerSequence
from tokenizers.pre_tokenizers import PreTokenizer, Split

LETTERS = r"\p{L}[\p{L}\p{M}\x{200c}\x{200d}]*"
NUMBER = r"\p{N}+(?:[.,]\p{N}+)*"
PATTERN = rf"{LETTERS}(?:['’]{LETTERS})*|{NUMBER}|[^\s]"
_ASCII = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)*|[0-9]+(?:[.,][0-9]+)*|[^\s]", re.ASCII)
"""The same for ASCII text, several times as fast."""
_LATIN_ENDS, _PUNCTUATION = 0x250, "\u2010-\u2027"


def _latin() -> re.Pattern[str]:
    """The same for Latin letters with the usual quotes and dashes: no marks, no joiners."""
    letters, numbers = (
        "".join(c for c in map(chr, range(_LATIN_ENDS)) if unicodedata.category(c)[0] == kind)
        for kind in "LN"
    )
    word = rf"[{letters}]+(?:['’][{letters}]+)*"
    return re.compile(rf"{word}|[{numbers}]+(?:[.,][{numbers}]+)*|[^\t-\r \x85\xa0]")


_LATIN = _latin()
_IS_LATIN = re.compile(rf"[\0-{chr(_LATIN_ENDS - 1)}{_PUNCTUATION}]*")


def normalizer(*, lowercase: bool) -> Normalizer:
    """NFC, then lower case where asked for."""
    return NormalizerSequence([NFC(), Lowercase()] if lowercase else [NFC()])


def word_splitter() -> PreTokenizer:
    """The pre-tokenizer that finds words; white space is dropped."""
    return Split(Regex(PATTERN), behavior="removed", invert=True)


class Glued(str):
    """A word that no space comes before, as the full stop of a sentence.

    Equal to the word without the mark: only who writes the text out again need know.
    """

    __slots__ = ()


def told_apart(words: Sequence[str]) -> tuple[str, ...]:
    """The words, with a character before those that are `Glued`: unequal where texts are."""
    return tuple(f"\0{word}" if isinstance(word, Glued) else word for word in words)


def written_out(words: Sequence[str]) -> tuple[str, list[int]]:
    """The text, and where each of its words begins."""
    text, starts = "", []
    for word in words:
        text += "" if not text or isinstance(word, Glued) else " "
        starts.append(len(text))
        text += word
    return text, starts


class WordSplitter:
    """Paragraphs of normalised text to sentences of words.

    Args:
        language: ISO 639-1 code, for the abbreviations that end no sentence.
    """

    def __init__(self, language: str) -> None:
        self._language = language
        self._splitter = word_splitter()

    def words(self, sentence: str) -> list[str]:
        """Words in their original casing."""
        if sentence.isascii():
            return _ASCII.findall(sentence)
        if _IS_LATIN.fullmatch(sentence):
            return _LATIN.findall(sentence)
        return [word for word, _ in self._splitter.pre_tokenize_str(sentence)]

    def spaced(self, sentence: str) -> list[str]:
        """The same, marked as `Glued` where no space comes before them."""
        found, before = [], -1
        for word, (start, end) in self._splitter.pre_tokenize_str(sentence):
            found.append(Glued(word) if start == before else word)
            before = end
        return found

    def sentences(self, paragraphs: Sequence[str]) -> list[list[str]]:
        """Words of every sentence that has any."""
        return [
            words
            for paragraph in paragraphs
            for sentence in segment(self._language, paragraph)
            if (words := self.words(sentence))
        ]
