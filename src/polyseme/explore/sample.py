"""Words of the corpus where they stand: the occurrences among which neighbours are sought.

Sentences of the test split, then of the others where that is small, are gone through in a fixed
random order. Of each word type the first few occurrences are taken, of a word whose sense is known
(controlled language) more, as many of each sense. A sentence stands for itself, as the one that a
user types does; so words whose sense only the rest of the document tells are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from polyseme.data import documents
from polyseme.data.tokenizer import WordPieces
from polyseme.draws import philox
from polyseme.errors import DataError
from polyseme.language import gold
from polyseme.models.base import TOKENIZER

STREAM = 21
UNTOLD = "document"
"""Cue of a sense that its sentence does not tell."""
POOL, MAX_WORDS = 20_000, 40
"""Sentences to choose from, and most words of each."""
MOST = 10_000
"""Occurrences."""
PER_WORD, PER_SENSE = 6, 20
"""Occurrences of a word type, and of each sense of one whose senses are known."""
PER_WORD_WITHOUT_SENSES = 12
"""Of a word type where no sense of the corpus is known."""


class Occurrence(NamedTuple):
    """A word where it stands.

    Attributes:
        sentence: its number in the sample.
        place: of the word among the words of the sentence.
        word: its type, normalised as the corpus.
        sense: blank where it is not known.
    """

    sentence: int
    place: int
    word: str
    sense: str


@dataclass(frozen=True)
class Sample:
    """Sentences, and occurrences in their order."""

    sentences: list[list[str]]
    occurrences: list[Occurrence]

    def head(self, most: int) -> Sample:
        """The first occurrences, and the sentences that they need."""
        kept = self.occurrences[:most]
        return Sample(self.sentences[: kept[-1].sentence + 1 if kept else 0], kept)

    def example(self) -> list[int]:
        """Numbers of two occurrences of the word with most senses, of two of these if it can be."""
        first_of_sense = {
            word: {self.occurrences[n].sense: n for n in reversed(numbers)}
            for word, numbers in self._by_word.items()
            if len(numbers) > 1
        }
        best = max(first_of_sense, key=lambda w: (len(first_of_sense[w]), len(w)), default="")
        firsts = sorted(first_of_sense.get(best, {}).values())
        return list(dict.fromkeys([*firsts, *self.of(best)]))[:2]

    def of(self, word: str) -> list[int]:
        """Numbers of the occurrences of a word type."""
        return self._by_word.get(word, [])

    @property
    def words(self) -> list[str]:
        """Types, in order of appearance."""
        return list(self._by_word)

    @cached_property
    def _by_word(self) -> dict[str, list[int]]:
        by_word: dict[str, list[int]] = {}
        for number, occurrence in enumerate(self.occurrences):
            by_word.setdefault(occurrence.word, []).append(number)
        return by_word


Sentence = tuple[list[str], list[str | None]]
"""Words, and the sense of each: blank if not known; None: the word is not to be taken."""


def draw(corpus: Path, *, most: int = MOST) -> Sample:
    """The sample of a prepared corpus; equal corpora, equal samples.

    Raises:
        DataError: the corpus has no sentence.
    """
    pieces = WordPieces.load(corpus / TOKENIZER)
    pool = list(_pool(corpus))
    if not pool:
        raise DataError("has no sentence", where=corpus, mend="prepare the corpus again")
    has_senses = any(any(senses) for _, senses in pool)
    per_word = PER_WORD if has_senses else PER_WORD_WITHOUT_SENSES
    counts: Counter[tuple[str, str]] = Counter()
    sentences: list[list[str]] = []
    taken: list[Occurrence] = []
    for number in philox(0, STREAM).permutation(len(pool)).tolist():
        words, senses = pool[number]
        found = []
        for place, (word, sense) in enumerate(zip(words, senses, strict=True)):
            if sense is None or not word[0].isalpha():
                continue
            key = (pieces.normalize(word), sense)
            if counts[key] < (PER_SENSE if sense else per_word):
                counts[key] += 1
                found.append(Occurrence(len(sentences), place, *key))
        if found:
            sentences.append(words)
            taken += found
        if len(taken) >= most:
            break
    return Sample(sentences, taken).head(most)


def _pool(corpus: Path) -> Iterator[Sentence]:
    """Sentences with senses; of another split only while there are too few."""
    number = 0
    for split in ("test", "valid", "train"):
        if number >= POOL // 2:
            return
        for words, senses in _sentences(corpus, split):
            if 1 < len(words) <= MAX_WORDS:
                number += 1
                yield words, senses
            if number >= POOL:
                return


def _sentences(corpus: Path, split: documents.Split) -> Iterator[Sentence]:
    if (corpus / gold.FILE).is_file():
        for row in gold.read(corpus, split):
            told = row["cue"] != UNTOLD
            yield (
                row["words"],
                [s.rpartition(".")[2] if told or not s else None for s in row["senses"]],
            )
    else:
        for words in documents.sentences(corpus, split):
            yield words, [""] * len(words)
