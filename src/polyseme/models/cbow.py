"""word2vec CBOW with negative sampling (Mikolov et al. 2013), trained by gensim.

The mean of the context words' vectors predicts the word in the middle. How several cores give the
same result every time: common/sharding.py. The vectors are kept as a plain array; nothing is
pickled.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from gensim.models import Word2Vec

from polyseme.config import build, config
from polyseme.data.tokenizer import WordPieces
from polyseme.models.base import TOKENIZER
from polyseme.models.common.negative_sampling import NegativeSampling, arguments, fit
from polyseme.models.common.table import OOV, Table, read_words
from polyseme.models.common.text import Text
from polyseme.models.common.vocabulary import frequent


@config
class Config(NegativeSampling):
    """Values of conf/static/cbow.yaml."""

    oov: OOV = "zero"
    """Vector of an unknown word."""


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
    model = Word2Vec(sg=0, **arguments(options, seed))
    text = Text(corpus, pieces)
    seen, costs = fit(model, text, options, seed=seed, name="cbow", progress=progress)
    vectors_VD = np.stack([model.wv[word] for word in words])
    table = Table(words, options.dim, pieces, options.oov).set_vectors(vectors_VD)
    table.costs = costs
    return table, seen


def restore(card: dict[str, Any], folder: Path) -> Table:
    """The table of a card, its vectors still to be loaded."""
    options = build(Config, card["config"], file=str(folder))
    pieces = WordPieces.load(folder / TOKENIZER)
    return Table(read_words(folder), options.dim, pieces, options.oov)
