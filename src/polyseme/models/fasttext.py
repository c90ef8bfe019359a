"""fastText skip-gram (Bojanowski, Grave, Joulin & Mikolov 2017), trained by gensim.

A word is the mean of its own vector and those of its character n-grams; a word that was never seen
is the mean of its n-grams alone, formed when it is encoded. Departure, as in fastText itself: the
paper sums where the program takes the mean. How several cores give the same result every time:
common/sharding.py. Vectors of words and of n-grams are kept as plain arrays; nothing is
pickled.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from gensim.models import FastText
from pydantic import model_validator

from polyseme.config import build, config
from polyseme.data.tokenizer import WordPieces
from polyseme.models.base import TOKENIZER
from polyseme.models.common.negative_sampling import NegativeSampling, arguments, fit
from polyseme.models.common.subwords import SubwordTable
from polyseme.models.common.table import Table, read_words
from polyseme.models.common.text import Text
from polyseme.models.common.vocabulary import frequent
from polyseme.training.options import Positive


@config
class Config(NegativeSampling):
    """Values of conf/static/fasttext.yaml."""

    min_n: Positive = 3
    """Characters of the shortest n-gram, the marks of begin and end of a word counted."""
    max_n: Positive = 6
    """Characters of the longest n-gram."""
    buckets: Positive = 50_000
    """Vectors of n-grams; n-grams of one hash share one."""
    oov: Literal["ngrams", "zero", "mean"] = "ngrams"
    """Vector of an unknown word: mean of its n-grams, zero, or the mean of all known words."""

    @model_validator(mode="after")
    def _lengths_fit(self) -> Config:
        if self.min_n > self.max_n:
            raise ValueError("min_n <= max_n")
        return self


def train(options: Config, corpus: Path, *, seed: int, progress: bool) -> tuple[Table, int]:
    """Train the vectors.

    Returns:
        The representation and the number of running words seen.

    Raises:
        ConfigError: the budget is too small for one pass.
        DataError: no word is frequent enough.
    """
    words = frequent(corpus, options.min_count)
    pieces = WordPieces.load(corpus / TOKENIZER)
    model = FastText(
        sg=1,
        min_n=options.min_n,
        max_n=options.max_n,
        bucket=options.buckets,
        **arguments(options, seed),
    )
    text = Text(corpus, pieces)
    seen, costs = fit(model, text, options, seed=seed, name="fasttext", progress=progress)
    table = _table(options, words, pieces)
    table.costs = costs
    table.set_vectors(np.stack([model.wv[word] for word in words]))
    if isinstance(table, SubwordTable):
        table.set_ngrams(model.wv.vectors_ngrams)
    return table, seen


def _table(options: Config, words: list[str], pieces: WordPieces) -> Table:
    if options.oov != "ngrams":
        return Table(words, options.dim, pieces, options.oov)
    return SubwordTable(
        words,
        options.dim,
        pieces,
        min_n=options.min_n,
        max_n=options.max_n,
        buckets=options.buckets,
    )


def restore(card: dict[str, Any], folder: Path) -> Table:
    """The table of a card, its vectors still to be loaded."""
    options = build(Config, card["config"], file=str(folder))
    return _table(options, read_words(folder), WordPieces.load(folder / TOKENIZER))
