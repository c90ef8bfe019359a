"""Items that are texts, or pairs of texts: from what a file says to words and splits.

Raw text goes the way of a corpus (data/text.py, data/words.py), so that a representation meets the
words that it was trained on. Text that comes tokenised is normalised too, and split at its spaces.
Where a source has no split of its own, a hash of the text and a seed decides: equal texts fall into
one split, and adding some moves none.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from pydantic import Field, model_validator

from polyseme.config import config
from polyseme.data.dataset import Inside
from polyseme.data.split import SPLITS, split_of
from polyseme.data.split import Split as SplitName
from polyseme.data.streams import Encoding
from polyseme.data.text import normalize
from polyseme.data.words import WordSplitter
from polyseme.draws import philox
from polyseme.errors import DataError
from polyseme.models.base import SENTENCE, TEXT
from polyseme.tasks.base import Split, same_words
from polyseme.training.options import Portion, Positive

STREAM = 12
MAX_LINE = 2**20

Files = dict[SplitName, Inside]


@config
class HeldOut:
    """Shares of the split `train` that become splits of their own."""

    seed: Annotated[int, Field(ge=0)]
    """Another seed, another split."""
    valid: Portion = 0.0
    """0 where the source has a split `valid`."""
    test: Portion = 0.0
    """0 where the source has a split `test`."""

    @model_validator(mode="after")
    def _leaves_some(self) -> HeldOut:
        if self.valid + self.test >= 1:
            raise ValueError("valid + test < 1")
        return self


@config
class TextOptions:
    """Values that every reader of texts has."""

    module: str
    """The reader's file."""
    source: str
    """Artifact of the data set, or a folder of your own."""
    tokenised: bool
    """Whether spaces set words apart already."""
    sentences: Literal["one", "lines", "found"] = "one"
    """What a text is: one sentence, a sentence a line, or as many as there are found in it. Of raw
    text only: tokenised text has no sentences to find."""
    language: str = "en"
    """ISO 639-1 code, for abbreviations that end no sentence."""
    encoding: Encoding = "utf-8"
    """Of the files."""
    max_words: Positive | None = None
    """What is beyond is cut off from each text; marks between sentences count. The card tells of
    how many items."""
    max_items: dict[SplitName, Positive] = Field(default_factory=dict)
    """Most items of a split, drawn at random; all where a split is not named."""
    held_out: HeldOut | None = None
    """Splits that the source does not have, taken out of `train`."""

    @model_validator(mode="after")
    def _can_find_sentences(self) -> TextOptions:
        if self.tokenised and self.sentences == "found":
            raise ValueError("sentences: one or lines, where text is tokenised")
        return self


class Item(NamedTuple):
    """One text or two, ready for a split.

    Attributes:
        words: of both texts, with the mark TEXT between them.
        place: of that mark; None where there is one text.
        cut: whether the end of a text was left out.
        key: by which a split is drawn: the words of the first text, so that pairs that share it
            stay together.
    """

    words: list[str]
    label: Any
    place: int | None
    cut: bool
    key: str


class Texts:
    """From texts to items."""

    def __init__(self, options: TextOptions) -> None:
        self.options = options
        self._splitter = WordSplitter(options.language)

    def item(self, texts: Sequence[str], label: Any, *, where: str) -> Item:
        """The item of one text or two.

        Raises:
            DataError: a text without words.
        """
        most = self.options.max_words
        found = [self._words(text) for text in texts]
        if not all(found):
            raise DataError("a text without words", where=where, mend="write it or delete it")
        kept = [_cut(words, most) for words in found]
        words = kept[0]
        for other in kept[1:]:
            words = [*words, TEXT, *other]
        place = len(kept[0]) if len(kept) > 1 else None
        cut = any(most is not None and len(words) > most for words in found)
        return Item(words, label, place, cut, same_words(found[0]))

    def _words(self, text: str) -> list[str]:
        """Words, with a mark between two sentences."""
        if self.options.sentences == "found":
            sentences = self._splitter.sentences([normalize(text)])
        else:
            lines = text.split("\n") if self.options.sentences == "lines" else [text]
            sentences = [found for line in lines if (found := self._sentence(normalize(line)))]
        joined = [word for sentence in sentences for word in (SENTENCE, *sentence)]
        return joined[1:]

    def _sentence(self, text: str) -> list[str]:
        return text.split() if self.options.tokenised else self._splitter.words(text)


def _cut(words: list[str], most: int | None) -> list[str]:
    """The first words; no mark is the last one."""
    kept = words[:most]
    return kept[:-1] if kept[-1] == SENTENCE else kept


def splits(options: TextOptions, found: Mapping[SplitName, Iterable[Item]]) -> dict[str, Split]:
    """Splits from the items of a source, some of them held out."""
    held_out = options.held_out
    shares = {} if held_out is None else {"valid": held_out.valid, "test": held_out.test}
    items: dict[SplitName, list[Item]] = {
        name: [] for name in SPLITS if name in found or shares.get(name)
    }
    for name, given in found.items():
        for item in given:
            items[drawn(held_out, item.key) if name == "train" else name].append(item)
    return {
        name: _split(_chosen(rows, options.max_items.get(name))) for name, rows in items.items()
    }


def drawn(held_out: HeldOut | None, key: str) -> SplitName:
    """The split of an item of `train`, by what it has in common with its like."""
    if held_out is None:
        return "train"
    digest = hashlib.sha256(f"{held_out.seed} {key}".encode()).hexdigest()
    return split_of(digest, valid_fraction=held_out.valid, test_fraction=held_out.test)


def _chosen(rows: list[Item], most: int | None) -> list[Item]:
    """At most so many items, in their order: more contain fewer."""
    if most is None or len(rows) <= most:
        return rows
    order = philox(0, STREAM).permutation(len(rows))
    return [rows[int(i)] for i in np.sort(order[:most])]


def _split(rows: list[Item]) -> Split:
    places = [[row.place] for row in rows if row.place is not None]
    cut = [row.cut for row in rows]
    return Split(
        [row.words for row in rows],
        [row.label for row in rows],
        places=places or None,
        cut=cut if any(cut) else None,
    )


def facts(options: TextOptions, _: Path) -> dict[str, Any]:
    """How texts became words and splits, for the card of a task."""
    found: dict[str, Any] = {"tokenised": options.tokenised}
    if options.max_words is not None:
        found["max_words"] = options.max_words
    if options.held_out is not None:
        found["held_out"] = dataclasses.asdict(options.held_out)
    return found
