"""Which of some words of middle frequency is in this sentence? (WC, Conneau et al. 2018.)

The sentence has exactly one of them, in any case. Words are taken from the vocabulary of the
corpus; one that is in no sentence of `train` by itself is no label of any split.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import islice
from pathlib import Path

import pyarrow.parquet as pq

from polyseme.config import config
from polyseme.errors import DataError
from polyseme.tasks.base import Split, label_names
from polyseme.tasks.common import surface
from polyseme.tasks.common.surface import Surface
from polyseme.training.options import Positive

FAMILY = "classification"
PROBED_ONLY = True
VOCABULARY = "vocabulary.parquet"


@config
class Config(Surface):
    """Values of a conf/task/*.yaml with `module: word_content`."""

    num_words: Positive
    """Words that are asked for."""
    first_rank: Positive
    """Rank, by frequency and from 1, from which they are taken."""
    min_letters: Positive = 4
    """Words with fewer letters are left out, and those with other signs."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """Sentences and their one word.

    Raises:
        DataError: the vocabulary has not so many words.
    """
    asked = _asked(options, source / VOCABULARY)
    splits: dict[str, Split] = {}
    for split in sorted(options.num_items, key=lambda name: name != "train"):
        splits[split] = surface.even(
            surface.sentences(options, source, split),
            partial(_only, asked),
            size=options.num_items[split],
            classes=options.num_words,
        )
        asked = asked & set(label_names(splits["train"].labels))
    return splits


def _asked(options: Config, path: Path) -> set[str]:
    """The words that are asked for."""
    ranked = pq.read_table(path, columns=["word"])["word"].to_pylist()[options.first_rank - 1 :]
    fit = (w.lower() for w in ranked if w.isalpha() and len(w) >= options.min_letters)
    found = set(islice(dict.fromkeys(fit), options.num_words))
    if len(found) < options.num_words:
        raise DataError(
            f"has {len(found)} words of {options.min_letters} letters from rank "
            f"{options.first_rank} on, not {options.num_words}",
            where=path,
            mend="lower `num_words`, `first_rank` or `min_letters` in the conf file of the task",
        )
    return found


def _only(asked: set[str], words: list[str]) -> str | None:
    """The one word of a sentence that is asked for; None where there are none or several."""
    found = asked.intersection(word.lower() for word in words)
    return found.pop() if len(found) == 1 else None
