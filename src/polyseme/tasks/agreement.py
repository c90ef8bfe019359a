"""Minimal pairs of the controlled language: a sentence, and the same with one form changed.

simple, attractor, relative   the verb in the other number (Linzen et al. 2016), with nothing, a
                              noun of the other number, or a relative clause in between
reflexive                     another reflexive pronoun
polarity                      `ever` without its negation
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path

from polyseme.config import config
from polyseme.corpora.controlled import language
from polyseme.data.split import Split as SplitName
from polyseme.language.lexicon import Lexicon
from polyseme.models.base import TEXT
from polyseme.tasks.base import Split
from polyseme.tasks.common import controlled
from polyseme.tasks.common.controlled import Row
from polyseme.training.options import Positive

FAMILY = "minimal_pairs"
AUXILIARIES = ("was were", "is are", "has have", "does do")
REFLEXIVES = ("himself", "herself", "themselves")
LICENSED = {"nobody": "somebody", "no": "every"}


@config
class Config:
    """Values of conf/task/agreement.yaml."""

    module: str
    """This file."""
    source: str
    """Artifact of a controlled corpus."""
    split: SplitName = "test"
    """Split of the corpus that sentences are taken from."""
    num_items: Positive = 200
    """Most pairs of each kind."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """Pairs as the split `test`: both sentences, labels are kinds."""
    swaps = _swaps(language(source).lexicon)
    pairs: dict[str, list[tuple[list[str], list[str]]]] = {}
    for row in chain.from_iterable(controlled.documents(source, options.split)):
        for kind, place, other in _changes(row, swaps):
            found = pairs.setdefault(kind, [])
            if len(found) < options.num_items:
                bad = list(row["words"])
                bad[place] = other.capitalize() if place == 0 else other
                found.append((row["words"], bad))
    items = [(kind, *pair) for kind in sorted(pairs) for pair in pairs[kind]]
    texts = [[*good, TEXT, *bad] for _, good, bad in items]
    return {"test": Split(texts, [kind for kind, _, _ in items])}


def _swaps(lexicon: Lexicon) -> dict[str, str]:
    """Finite forms and those of the other number."""
    swaps: dict[str, str] = {}
    for pair in AUXILIARIES:
        singular, plural = pair.split()
        swaps |= {singular: plural, plural: singular}
    words = chain.from_iterable(w for t in lexicon.classes.values() for w in t.values())
    for word in chain(words, (sense.word for sense in lexicon.senses.values())):
        if word.inflection == "verb":
            swaps |= {word.forms["sg3"]: word.lemma, word.lemma: word.forms["sg3"]}
    return swaps


def _changes(row: Row, swaps: Mapping[str, str]) -> Iterator[tuple[str, int, str]]:
    """Kind, place and replacement of everything that can be made wrong."""
    words = [word.lower() for word in row["words"]]
    for place, word in enumerate(words):
        if word in REFLEXIVES:
            yield "reflexive", place, REFLEXIVES[(REFLEXIVES.index(word) + 1) % len(REFLEXIVES)]
        if word in LICENSED and "ever" in words:
            yield "polarity", place, LICENSED[word]
        if "Number=" in row["features"][place] and row["upos"][place] in ("AUX", "VERB"):
            kind = _kind(row, place)
            if kind and word in swaps:
                yield kind, place, swaps[word]


def _kind(row: Row, place: int) -> str | None:
    """What stands between a finite verb and its subject; None where the subject has no number."""
    clause = place + 1 if row["upos"][place] == "VERB" else row["heads"][place]
    subjects = [
        n for n, head in enumerate(row["heads"])
        if head == clause and row["relations"][n] == "nsubj"
    ]  # fmt: skip
    if not subjects or row["upos"][subjects[0]] not in ("NOUN", "PROPN") or subjects[0] > place:
        return None
    between = range(subjects[0] + 1, place)
    if any(row["relations"][n] == "acl:relcl" for n in between):
        return "relative"
    number = row["features"][subjects[0]] or "Number=Sing"
    nouns = [row["features"][n] for n in between if row["upos"][n] == "NOUN"]
    return "attractor" if any(noun != number for noun in nouns) else "simple"
