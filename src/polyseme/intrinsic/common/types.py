"""One vector for each word type, whatever gives it.

A table has one. A contextual representation has none of its own, and how it is asked decides what
similarity tasks say about it (Bommasani et al. 2020):

    alone     the word is a sentence of its own
    template  the word stands in a sentence that says nothing of it
    mean      the mean over its first occurrences in the corpus, whatever their case; a word that
              does not occur in the sentences that are read is taken `alone`

A phrase is several words with a space between them; its vector is the mean of theirs.

Shapes: L layers, V words, D dimensions, T words of a sentence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal
from weakref import WeakKeyDictionary

import torch
from pydantic import Field, field_validator
from torch import Tensor

from polyseme.config import config
from polyseme.intrinsic.base import Material
from polyseme.models.base import Representation

SLOT = "WORD"
CHUNK = 512
SHORTEST_PREFIX = 3
Variant = Literal["alone", "template", "mean"]
Positive = Annotated[int, Field(gt=0)]


@config
class TypeOptions:
    """How a contextual representation is asked for the vector of a word type."""

    variants: Annotated[tuple[Variant, ...], Field(min_length=1)] = ("alone", "template", "mean")
    """Ways to ask; a static representation is asked in one way."""
    template: str = "this is a WORD ."
    """Sentence in which WORD stands for the word."""
    occurrences: Positive = 20
    """At most so many of a word are averaged."""
    max_sentences: Positive = 2000
    """Sentences of the training split that are read for them."""

    @field_validator("template")
    @classmethod
    def _has_a_place(cls, template: str) -> str:
        if template.split().count(SLOT) != 1:
            raise ValueError(f"a sentence with {SLOT} in it, once")
        return template


@dataclass(frozen=True)
class _Means:
    """Mean vectors h_LVD of the types that were found, `rows` by their lower case."""

    rows: dict[str, int]
    h_LVD: Tensor


_means: WeakKeyDictionary[Representation, dict[object, _Means]] = WeakKeyDictionary()
_tables: WeakKeyDictionary[Representation, dict[str, tuple[object, Tensor]]] = WeakKeyDictionary()


def variants(options: TypeOptions, representation: Representation) -> list[Variant]:
    """Ways in which a representation is asked; a static one answers the same to all."""
    return ["alone"] if representation.family == "static" else list(options.variants)


def label(representation: Representation, *names: str) -> str | None:
    """Column `variant`: the names that tell rows apart; the last is how vectors were asked for."""
    told = names[:-1] if representation.family == "static" else names
    return "/".join(told) or None


def type_vectors(
    options: TypeOptions,
    representation: Representation,
    material: Material,
    words: Sequence[str],
    variant: Variant,
) -> Tensor:
    """Unit-length vectors of words, h_LVD; the zero vector stays zero.

    The last table of each variant is kept while the representation lives, so that measures that
    ask for the same words encode them once. Its weights must not change meanwhile.
    """
    tables = _tables.setdefault(representation, {})
    key = (tuple(words), material.corpus, options.template, *_scan(options))
    if variant not in tables or tables[variant][0] != key:
        tables.pop(variant, None)
        h_LVD = _raw(options, representation, material, words, variant)
        tables[variant] = key, torch.nn.functional.normalize(h_LVD, dim=-1)
    return tables[variant][1]


def seen(
    options: TypeOptions, representation: Representation, material: Material, words: Sequence[str]
) -> float:
    """Share of words whose `mean` is one of occurrences."""
    means = _occurring(options, representation, material)
    found = [all(part in means.rows for part in word.lower().split()) for word in words]
    return sum(found) / len(found)


def knows(representation: Representation, phrase: str) -> bool:
    """Whether each of its words has a vector of its own."""
    return all(map(representation.knows, phrase.split()))


def stand_in(representation: Representation, phrase: str) -> str:
    """The phrase with something known for each unknown word.

    It is its lower case, else its longest known beginning of three letters or more; a word without
    either stays, and gets the representation's own vector of unknown words.
    """
    return " ".join(_known_form(representation, word) for word in phrase.split())


def _known_form(representation: Representation, word: str) -> str:
    lower = word.lower()
    shorter = (lower[:length] for length in range(len(lower), SHORTEST_PREFIX - 1, -1))
    return next(filter(representation.knows, (word, *shorter)), word)


def _scan(options: TypeOptions) -> tuple[int, int]:
    return options.occurrences, options.max_sentences


def _raw(
    options: TypeOptions,
    representation: Representation,
    material: Material,
    words: Sequence[str],
    variant: Variant,
) -> Tensor:
    if variant == "template":
        frame = options.template.split()
        place = frame.index(SLOT)
        return _framed(representation, words, frame[:place], frame[place + 1 :])
    h_LVD = _framed(representation, words, [], [])
    if variant == "mean":
        means = _occurring(options, representation, material)
        for row, word in enumerate(words):
            places = [means.rows.get(part, -1) for part in word.lower().split()]
            if min(places) >= 0:
                h_LVD[:, row] = means.h_LVD[:, places].mean(1)
    return h_LVD


def _framed(
    representation: Representation, words: Sequence[str], before: list[str], after: list[str]
) -> Tensor:
    """Vectors h_LVD of words between others."""
    h_LVD = torch.empty(representation.num_layers, len(words), representation.dim)
    for start in range(0, len(words), CHUNK):
        parts = [word.split() for word in words[start : start + CHUNK]]
        encoded = representation.encode([[*before, *part, *after] for part in parts])
        for row, (h_LTD, part) in enumerate(zip(encoded, parts, strict=True), start):
            h_LVD[:, row] = h_LTD[:, len(before) : len(before) + len(part)].mean(1)
    return h_LVD


def _occurring(options: TypeOptions, representation: Representation, material: Material) -> _Means:
    """Means of all types in the sentences that are read, made once for a representation."""
    made = _means.setdefault(representation, {})
    key = (material.corpus, *_scan(options))
    if key not in made:
        made.clear()
        made[key] = _averaged(options, representation, material)
    return made[key]


def _averaged(options: TypeOptions, representation: Representation, material: Material) -> _Means:
    counts: Counter[str] = Counter()
    chosen = list(_chosen(options, material, counts))
    rows = {word: row for row, word in enumerate(counts)}
    h_LVD = torch.zeros(representation.num_layers, len(rows), representation.dim)
    for start in range(0, len(chosen), CHUNK):
        chunk = chosen[start : start + CHUNK]
        encoded = representation.encode([words for words, _ in chunk])
        for h_LTD, (words, places) in zip(encoded, chunk, strict=True):
            targets = torch.tensor([rows[words[place].lower()] for place in places])
            h_LVD.index_add_(1, targets, h_LTD[:, places])
    return _Means(rows, h_LVD / torch.tensor([*counts.values()])[:, None])


def _chosen(
    options: TypeOptions, material: Material, counts: Counter[str]
) -> Iterator[tuple[list[str], list[int]]]:
    """Sentences with the places of words that are wanted still; `counts` grows on the way."""
    for sentence in material.sentences("train", options.max_sentences):
        places = []
        for place, word in enumerate(sentence):
            if counts[word.lower()] < options.occurrences:
                counts[word.lower()] += 1
                places.append(place)
        if places:
            yield list(sentence), places
