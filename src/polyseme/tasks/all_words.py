"""All-words word sense disambiguation (Raganato et al. 2017): trained on SemCor, tested on ALL.

Every sentence with a marked word is an item. Accuracy is the framework's F1, as every word gets an
answer; a lemma that SemCor lacks gets none, where published systems fall back on the first sense
in WordNet. SemCor is read from its tag files; the framework's own edition has fewer senses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from pydantic import Field

from polyseme.config import config
from polyseme.errors import DataError
from polyseme.tasks.base import Split
from polyseme.tasks.common import senses
from polyseme.tasks.common.senses import Sentence
from polyseme.training.options import Positive

FAMILY = "word_sense"


@config
class Config:
    """Values of a conf/task/*.yaml with `module: all_words`."""

    module: str
    """This file."""
    source: str
    """Artifact of the data set."""
    semcor: str
    """Tag files of the training split: a glob."""
    framework: dict[str, str]
    """Data set of each other split, without `.data.xml` and `.gold.key.txt`."""
    max_sentences: dict[str, Positive] = Field(default_factory=dict)
    """Most sentences of a split: the first ones; all where a split is not named."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """Sentences with marked words."""
    found = {"train": _semcor(options, source)}
    for name, prefix in options.framework.items():
        data, gold = source / f"{prefix}.data.xml", source / f"{prefix}.gold.key.txt"
        found[name] = senses.framework(data, gold)
    return {
        name: _split(islice((s for s in of if s.labels), options.max_sentences.get(name)))
        for name, of in found.items()
    }


def _semcor(options: Config, source: Path) -> Iterator[Sentence]:
    """Sentences of all tag files, in the order of their names."""
    files = sorted(path for path in source.glob(options.semcor) if path.is_file())
    if not files:
        raise DataError(
            f"no file matches {options.semcor!r}",
            where=source,
            mend="correct `semcor` in the conf file of the task",
        )
    for path in files:
        yield from senses.semcor(path)


def _split(sentences: Iterator[Sentence]) -> Split:
    found = list(sentences)
    return Split(
        [s.words for s in found],
        [s.labels for s in found],
        places=[s.places for s in found],
        keys=[s.keys for s in found],
    )
