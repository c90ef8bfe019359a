"""Words whose sense a task asks for.

A task of the family `word_sense` marks them, and tells what is asked about. A tagging task that
labels one word an item asks for its sense as well: the key is the word's written form, whatever its
case, so that candidates are the labels which that form has in training.
"""

from __future__ import annotations

from typing import NamedTuple

from polyseme.data.split import Split as SplitName
from polyseme.errors import DataError
from polyseme.intrinsic.base import Material
from polyseme.tasks.base import Split


class Word(NamedTuple):
    """A marked word: item and place, what is asked about, its label."""

    item: int
    place: int
    key: str
    label: str


def marked(material: Material, name: SplitName) -> list[Word]:
    """Marked words of a split; none where the task does not ask for senses.

    Raises:
        DataError: a task of the family word_sense lacks places or keys.
    """
    split = material.split(name)
    if material.card["family"] == "tagging":
        return _labelled_words(split)
    if split.keys is None and material.card.get("probed_only"):
        return []  # any label may be right, as of supersenses: there is no lemma to compare within
    if split.places is None or split.keys is None:
        raise DataError(
            f"split {name!r} lacks {'places' if split.places is None else 'keys'}",
            where=f"task {material.name}",
            mend="a task of the family word_sense gives places, keys and labels of marked words",
        )
    columns = zip(split.places, split.keys, split.labels, strict=True)
    return [
        Word(item, place, key, label)
        for item, marked in enumerate(columns)
        for place, key, label in zip(*marked, strict=True)
    ]


def _labelled_words(split: Split) -> list[Word]:
    """The one labelled word of each item; nothing where an item has another number of them."""
    found = []
    for item, (words, labels) in enumerate(zip(split.sentences, split.labels, strict=True)):
        places = [place for place, label in enumerate(labels) if label is not None]
        if len(places) != 1:
            return []
        place = places[0]
        found.append(Word(item, place, words[place].lower(), labels[place]))
    return found
