"""Text that a user types, as words; the words are those that the corpus was cut into."""

from __future__ import annotations

import re
from typing import NamedTuple

from polyseme.data.text import normalize
from polyseme.data.words import WordSplitter
from polyseme.errors import PolysemeError

GAP = "___"
_GAP = re.compile(r"\[MASK\]|_{3,}")
MAX_CHARACTERS, MAX_WORDS = 1000, 100
"""Of a sentence."""


class Gapped(NamedTuple):
    """A sentence with a gap: words before and after it."""

    before: list[str]
    after: list[str]

    def filled(self, word: str) -> tuple[list[str], int]:
        """The sentence with a word in the gap, and its place."""
        return [*self.before, word, *self.after], len(self.before)

    def __str__(self) -> str:
        return " ".join([*self.before, GAP, *self.after])


class Reader:
    """Sentences of a language to words.

    Args:
        language: ISO 639-1 code.
    """

    def __init__(self, language: str) -> None:
        self._splitter = WordSplitter(language)

    def words(self, text: str, *, where: str = "sentence") -> list[str]:
        """Words in their original casing.

        Raises:
            PolysemeError: there is none, or the sentence is too long.
        """
        _check_length(text, where)
        words = self._splitter.words(normalize(text))
        if not words:
            raise PolysemeError("has no word", where=where, mend="write a sentence")
        if len(words) > MAX_WORDS:
            mend = f"at most {MAX_WORDS} words"
            raise PolysemeError(f"has {len(words)} words", where=where, mend=mend)
        return words

    def gapped(self, text: str, *, where: str = "sentence") -> Gapped:
        """The words around the one gap.

        Raises:
            PolysemeError: there is not exactly one gap, or no word beside it.
        """
        _check_length(text, where)
        parts = _GAP.split(text)
        if len(parts) != 2:  # noqa: PLR2004 - before and after
            found = f"{len(parts) - 1} gaps" if len(parts) > 1 else "no gap"
            mend = f"write {GAP} or [MASK] once, for one word"
            raise PolysemeError(f"has {found}", where=where, mend=mend)
        self.words(" ".join(parts), where=where)
        before, after = (self._splitter.words(normalize(part)) for part in parts)
        return Gapped(before, after)

    def find(self, word: str, words: list[str]) -> list[int]:
        """Places of a word in a sentence, as it is written, or else in any case.

        Raises:
            PolysemeError: it is not one word, or does not stand there.
        """
        (wanted,) = self.one(word)
        exact = [place for place, other in enumerate(words) if other == wanted]
        places = exact or [n for n, other in enumerate(words) if other.lower() == wanted.lower()]
        if not places:
            mend = f"one of: {' '.join(words)}"
            raise PolysemeError("does not stand in the sentence", where=repr(word), mend=mend)
        return places

    def one(self, word: str) -> list[str]:
        """One word, in a list.

        Raises:
            PolysemeError: it is none, or several.
        """
        words = self.words(word, where=repr(word))
        if len(words) > 1:
            mend = f"name one of {', '.join(words)}"
            raise PolysemeError("is more than one word", where=repr(word), mend=mend)
        return words


def _check_length(text: str, where: str) -> None:
    if len(text) > MAX_CHARACTERS:
        mend = f"at most {MAX_CHARACTERS:,} characters"
        raise PolysemeError(f"has {len(text):,} characters", where=where, mend=mend)
