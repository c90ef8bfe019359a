"""What the tasks of the controlled language share: documents with their truth, windows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from polyseme.data.split import Split
from polyseme.draws import philox
from polyseme.errors import DataError
from polyseme.language import gold
from polyseme.models.base import SENTENCE

Row = dict[str, Any]
STREAM = 9
CHECK_EVERY = 1000
SPARE = 1.25


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


Places = dict[tuple[str, str], dict[str, list[Occurrence]]]
"""(lemma, form as written) -> sense -> occurrences."""


def balanced(found: Iterator[Occurrence], size: int, *, block: int = 1) -> list[Occurrence]:
    """About `size` occurrences in which the senses of each written form are equally frequent.

    Each form of a word counts for itself, because forms give senses away: *cracked* is never a
    noun. A form with one sense has nothing to tell apart and is left out. The first occurrences of
    each sense are taken, then brought into random order; reading stops when there are enough.

    Args:
        block: each sense of a form is taken so many times, or a multiple of it.
    """
    places: Places = {}
    for number, o in enumerate(found):
        senses = places.setdefault((o.lemma, o.words[o.place]), {})
        senses.setdefault(o.sense, []).append(o)
        if (
            number % CHECK_EVERY == CHECK_EVERY - 1
            and _total(places, _even(places, size), block) >= size
        ):
            break
    quotas = range(size // block * block, 0, -block)
    quota = next((q for q in quotas if _total(places, q, block) <= size), block)
    chosen: list[Occurrence] = []
    for key in shuffled(sorted(places)):
        senses = places[key]
        taken = [o for name in sorted(senses) for o in senses[name][: _count(senses, quota, block)]]
        if not chosen or len(chosen) + len(taken) <= size:  # too few for all forms: some of them
            chosen += taken
    return shuffled(chosen)


def _count(senses: Mapping[str, Sequence[Occurrence]], quota: int, block: int) -> int:
    """How many of each sense are taken."""
    most = min(quota, *map(len, senses.values())) if len(senses) > 1 else 0
    return most // block * block


def _total(places: Places, quota: int, block: int) -> int:
    return sum(len(senses) * _count(senses, quota, block) for senses in places.values())


def _even(places: Places, size: int) -> int:
    """A little more than each sense's even share, for rare forms give less."""
    senses = sum(len(found) for found in places.values() if len(found) > 1)
    return math.ceil(SPARE * size / max(1, senses))


def shuffled(things: Sequence[Any]) -> list[Any]:
    """A fixed random order."""
    return [things[i] for i in philox(0, STREAM, len(things)).permutation(len(things))]
