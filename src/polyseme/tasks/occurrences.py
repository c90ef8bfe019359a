"""Words with several senses where they stand, to be looked at: the polysemy page of the report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field

from polyseme.config import config
from polyseme.data.split import Split as SplitName
from polyseme.errors import ConfigError
from polyseme.tasks.base import Split
from polyseme.tasks.common import controlled
from polyseme.training.options import Positive

FAMILY = "occurrences"
GAP = "___"


@config
class Config:
    """Values of conf/task/occurrences.yaml."""

    module: str
    """This file."""
    source: str
    """Artifact of a controlled corpus."""
    words: Annotated[tuple[str, ...], Field(min_length=1)]
    """Lemmas; the first one is drawn in the report's figure."""
    gaps: tuple[str, ...] = ()
    """Sentences with one ___ each, words set apart by spaces."""
    split: SplitName = "test"
    """Split of the corpus."""
    num_items: Positive = 60
    """Occurrences of each word, as many of each sense."""
    before: Annotated[int, Field(ge=0)] = 2
    """Sentences before the one with the word."""
    after: Annotated[int, Field(ge=0)] = 1
    """Sentences after it."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """Occurrences (labels `cue word.sense`) and gaps (label ___) as the split `test`."""
    words, labels, places = [], [], []
    for lemma in options.words:
        found = controlled.occurrences(
            source, options.split, before=options.before, after=options.after, words=(lemma,)
        )
        for o in controlled.balanced(found, options.num_items):
            words.append(o.words)
            labels.append(f"{o.cue} {o.sense}")
            places.append([o.place])
    for text in options.gaps:
        if text.split().count(GAP) != 1:
            raise ConfigError(
                f"{text!r} has not one {GAP}", where="conf/task", mend=f"write {GAP} for one word"
            )
        words.append(text.split())
        labels.append(GAP)
        places.append([text.split().index(GAP)])
    return {"test": Split(words, labels, places)}
