"""Word in context (Pilehvar & Camacho-Collados 2019): the same sense in both texts, or not?

Pairs of occurrences of one word of the controlled language, in one written form; `same` and
`different` are equally frequent for each form, and so are its senses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field

from polyseme.config import config
from polyseme.data.split import Split as SplitName
from polyseme.draws import philox
from polyseme.models.base import TEXT
from polyseme.tasks.base import Split
from polyseme.tasks.common import controlled
from polyseme.tasks.common.controlled import Occurrence
from polyseme.training.options import Positive

FAMILY = "pair"
STREAM, BLOCK = 10, 4
Pair = tuple[Occurrence, Occurrence]


@config
class Config:
    """Values of conf/task/wic.yaml."""

    module: str
    """This file."""
    source: str
    """Artifact of a controlled corpus."""
    words: tuple[str, ...] = ()
    """Lemmas; none means all."""
    num_items: dict[SplitName, Positive]
    """About how many pairs of each split."""
    before: Annotated[int, Field(ge=0)] = 1
    """Sentences before the one with the word."""
    after: Annotated[int, Field(ge=0)] = 1
    """Sentences after it."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """Two texts with one marked word each."""
    splits: dict[str, Split] = {}
    for name, size in options.num_items.items():
        pairs = controlled.shuffled(_found(options, source, name, size))
        splits[name] = Split(
            [[*a.words, TEXT, *b.words] for a, b in pairs],
            ["same" if a.sense == b.sense else "different" for a, b in pairs],
            [[a.place, len(a.words) + 1 + b.place] for a, b in pairs],
        )
    return splits


def _found(options: Config, source: Path, name: SplitName, size: int) -> list[Pair]:
    """Pairs of a split; where no form has four occurrences of each sense, of two."""
    for block, make in ((BLOCK, _pairs), (BLOCK // 2, _halves)):
        found = controlled.occurrences(
            source, name, before=options.before, after=options.after, words=options.words
        )
        pairs = list(make(_by_form(controlled.balanced(found, 2 * size, block=block))))
        if pairs:
            return pairs
    return []


def _by_form(found: list[Occurrence]) -> list[dict[str, list[Occurrence]]]:
    """Of each form, sense -> occurrences."""
    by_sense: dict[tuple[str, str], dict[str, list[Occurrence]]] = {}
    for o in found:
        form = (o.lemma, o.words[o.place])
        by_sense.setdefault(form, {}).setdefault(o.sense, []).append(o)
    return [dict(sorted(senses.items())) for _, senses in sorted(by_sense.items())]


def _halves(forms: list[dict[str, list[Occurrence]]]) -> Iterator[Pair]:
    """Forms of a small corpus in turn: each sense with itself, or with the next sense."""
    turns = philox(0, STREAM, len(forms)).permutation(len(forms)) % 2
    for senses, is_same in zip(forms, turns, strict=True):
        following = [*list(senses)[1:], next(iter(senses))]
        for name, after in zip(senses, following, strict=True):
            yield senses[name][0], senses[name if is_same else after][1]


def _pairs(forms: list[dict[str, list[Occurrence]]]) -> Iterator[Pair]:
    """Of four occurrences of each sense of a form, two make a pair of one sense, and two one each
    with the sense before and behind."""
    for number, senses in enumerate(forms):
        names = list(senses)
        order = [names[i] for i in philox(0, STREAM, number).permutation(len(names))]
        for block in range(len(senses[order[0]]) // BLOCK):
            of = {name: senses[name][block * BLOCK : (block + 1) * BLOCK] for name in order}
            for name, following in zip(order, [*order[1:], order[0]], strict=True):
                yield of[name][0], of[name][1]
                yield of[name][2], of[following][3]
