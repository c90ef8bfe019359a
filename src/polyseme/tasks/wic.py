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
        found = controlled.occurrences(
            source, name, before=options.before, after=options.after, words=options.words
        )
        pairs = controlled.shuffled(list(_pairs(controlled.balanced(found, 2 * size, block=BLOCK))))
        splits[name] = Split(
            [[*a.words, TEXT, *b.words] for a, b in pairs],
            ["same" if a.sense == b.sense else "different" for a, b in pairs],
            [[a.place, len(a.words) + 1 + b.place] for a, b in pairs],
        )
    return splits


def _pairs(found: list[Occurrence]) -> Iterator[tuple[Occurrence, Occurrence]]:
    """Of four occurrences of each sense of a form, two make a pair of one sense, and two one each
    with the sense before and behind."""
    by_sense: dict[tuple[str, str], dict[str, list[Occurrence]]] = {}
    for o in found:
        form = (o.lemma, o.words[o.place])
        by_sense.setdefault(form, {}).setdefault(o.sense, []).append(o)
    for number, (_, senses) in enumerate(sorted(by_sense.items())):
        names = sorted(senses)
        order = [names[i] for i in philox(0, STREAM, number).permutation(len(names))]
        for block in range(len(senses[order[0]]) // BLOCK):
            of = {name: senses[name][block * BLOCK : (block + 1) * BLOCK] for name in order}
            for name, following in zip(order, [*order[1:], order[0]], strict=True):
                yield of[name][0], of[name][1]
                yield of[name][2], of[following][3]
