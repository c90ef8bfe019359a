"""word2vec CBOW with negative sampling (Mikolov et al. 2013), trained by gensim.

The mean of the context words' vectors predicts the word in the middle. How several cores give the
same result every time: common/sharding.py. The vectors are kept as a plain array; nothing is
pickled.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from polyseme.config import build, config
from polyseme.models.common.negative_sampling import WordVectors, restore_words, train_words
from polyseme.models.common.table import Table


@config
class Config(WordVectors):
    """Values of conf/static/cbow.yaml."""


def train(options: Config, corpus: Path, *, seed: int, progress: bool) -> tuple[Table, int]:
    """The representation and the number of running words seen."""
    return train_words(options, corpus, sg=0, seed=seed, name="cbow", progress=progress)


def restore(card: dict[str, Any], folder: Path) -> Table:
    """The table of a card, its vectors still to be loaded."""
    return restore_words(build(Config, card["config"], file=str(folder)), folder)
