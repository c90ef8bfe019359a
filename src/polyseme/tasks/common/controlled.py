"""What the tasks of the controlled language share: documents with their truth, windows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from polyseme.data.split import SPLITS, Split
from polyseme.draws import philox
from polyseme.errors import DataError
from polyseme.language import gold
from polyseme.models.base import SENTENCE

Row = dict[str, Any]
STREAM = 9
CHECK_EVERY = 1000


class Occurrence(NamedTuple):
    """A word with several senses where it stands.

    Attributes:
        words: a window of sentences around it.
        place: its place among them.
        cue: next, clause or document.
    """

    words: list[str]
    place: int
    lemma: str
    sense: str
    cue: str


def documents(source: Path, split: Split) -> Iterator[list[Row]]:
    """Sentences of each document of a split.

    Raises:
        DataError: the source is no corpus of the controlled language.
    """
    if not (source / gold.FILE).is_file():
        raise DataError("has no gold.parquet", where=source, mend="name a controlled corpus")
    for _, rows in groupby(gold.read(source, split), key=lambda row: row["doc_id"]):
        yield list(rows)


def window(rows: Sequence[Row], number: int, before: int, after: int) -> tuple[list[str], int]:
    """Words of a sentence and its neighbours, and where those of the sentence begin."""
    words: list[str] = []
    start = 0
    for n in range(max(0, number - before), min(len(rows), number + after + 1)):
        if words:
            words.append(SENTENCE)
        if n == number:
            start = len(words)
        words += rows[n]["words"]
    return words, start


def occurrences(
    source: Path, split: Split, *, before: int, after: int, words: Sequence[str] = ()
) -> Iterator[Occurrence]:
    """All words with several senses of a split; only some lemmas if `words` names any."""
    for rows in documents(source, split):
        for number, row in enumerate(rows):
            for place, sense in enumerate(row["senses"]):
                if sense and (not words or row["lemmas"][place] in words):
                    text, start = window(rows, number, before, after)
                    yield Occurrence(text, start + place, row["lemmas"][place], sense, row["cue"])


def balanced(found: Iterator[Occurrence], size: int) -> list[Occurrence]:
    """About `size` occurrences in which the senses of each word are equally frequent.

    The first ones of each sense are taken, then brought into random order. Reading stops when all
    senses that were seen have enough.
    """
    by_word: dict[str, dict[str, list[Occurrence]]] = {}
    for number, occurrence in enumerate(found):
        senses = by_word.setdefault(occurrence.lemma, {})
        senses.setdefault(occurrence.sense, []).append(occurrence)
        if number % CHECK_EVERY == CHECK_EVERY - 1 and _enough(by_word, size):
            break
    quota = _quota(by_word, size)
    chosen: list[Occurrence] = []
    for lemma in sorted(by_word):
        senses = by_word[lemma]
        count = min(quota, *map(len, senses.values())) if len(senses) > 1 else 0
        for sense in sorted(senses):
            chosen += senses[sense][:count]
    return shuffled(chosen)


def _quota(by_word: Mapping[str, Mapping[str, Sequence[Occurrence]]], size: int) -> int:
    return size // max(1, sum(map(len, by_word.values())))


def _enough(by_word: Mapping[str, Mapping[str, Sequence[Occurrence]]], size: int) -> bool:
    quota = _quota(by_word, size)
    return all(len(found) >= quota for senses in by_word.values() for found in senses.values())


def shuffled(things: Sequence[Any]) -> list[Any]:
    """A fixed random order."""
    return [things[i] for i in philox(0, STREAM, len(things)).permutation(len(things))]


def require_splits(sizes: Mapping[str, int], *, where: str) -> None:
    """Refuse sizes of splits that there are not.

    Raises:
        DataError: naming the first one.
    """
    if unknown := sorted(sizes.keys() - set(SPLITS)):
        raise DataError(
            f"unknown split {unknown[0]!r}", where=where, mend=f"one of {', '.join(SPLITS)}"
        )
