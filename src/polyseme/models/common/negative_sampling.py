"""What the models that gensim trains have in common: word2vec skip-gram, CBOW and fastText.

With `shards: 1` gensim trains as it always does, with one worker thread, because its result depends
on the interleaving of more. How more shards use all cores and stay reproducible: sharding.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from gensim.models import Word2Vec
from gensim.models.callbacks import CallbackAny2Vec
from pydantic import Field
from tqdm import tqdm

from polyseme.config import config
from polyseme.data.tokenizer import WordPieces
from polyseme.errors import ConfigError
from polyseme.models.base import TOKENIZER
from polyseme.models.common.sharding import fit_shards
from polyseme.models.common.table import OOV, Table, read_words
from polyseme.models.common.text import Text
from polyseme.models.common.vocabulary import frequent
from polyseme.training.options import Fraction, Positive, Rate


@config
class NegativeSampling:
    """Values that all of them have."""

    dim: Positive = 128
    """Dimensions."""
    window: Positive = 5
    """Largest distance between word and context word."""
    negative: Positive = 5
    """Noise words for each context word."""
    sample: Fraction = 1e-4
    """Frequent words are left out at random above this relative frequency."""
    lr: Rate = 0.025
    """First learning rate; falls linearly."""
    budget: Annotated[float, Field(gt=0)] = 1_000_000
    """Running words to see, repetitions counted; rounded to whole passes."""
    min_count: Positive = 2
    """Rarer types are unknown."""
    shards: Positive = 1
    """Replicas that are trained side by side; part of the result, whatever the number of cores."""


def arguments(options: NegativeSampling, seed: int) -> dict[str, float]:
    """Arguments of gensim's constructors for these values."""
    return {
        "vector_size": options.dim,
        "window": options.window,
        "negative": options.negative,
        "sample": options.sample,
        "alpha": options.lr,
        "min_count": options.min_count,
        "seed": seed,
        "workers": 1,
    }


@config
class WordVectors(NegativeSampling):
    """Values of the models that have a vector for each known word, and no other."""

    oov: OOV = "zero"
    """Vector of an unknown word."""


def train_words(
    options: WordVectors, corpus: Path, *, sg: int, seed: int, name: str, progress: bool
) -> tuple[Table, int]:
    """Train gensim's Word2Vec: skip-gram (`sg` 1) or CBOW (0).

    Returns:
        The representation and the number of running words seen.

    Raises:
        ConfigError: the budget is too small for one pass.
        DataError: no word is frequent enough.
    """
    words = frequent(corpus, options.min_count)
    pieces = WordPieces.load(corpus / TOKENIZER)
    model = Word2Vec(sg=sg, **arguments(options, seed))
    text = Text(corpus, pieces)
    seen, costs = fit(model, text, options, seed=seed, name=name, progress=progress)
    vectors_VD = np.stack([model.wv[word] for word in words])
    table = Table(words, options.dim, pieces, options.oov).set_vectors(vectors_VD)
    table.costs = costs
    return table, seen


def restore_words(options: WordVectors, folder: Path) -> Table:
    """The table of a folder, its vectors still to be loaded."""
    pieces = WordPieces.load(folder / TOKENIZER)
    return Table(read_words(folder), options.dim, pieces, options.oov)


class _Progress(CallbackAny2Vec):
    def __init__(self, bar: tqdm) -> None:
        self.bar = bar

    def on_epoch_end(self, model: Word2Vec) -> None:
        self.bar.update(model.corpus_total_words)


def fit(
    model: Word2Vec, text: Text, options: NegativeSampling, *, seed: int, name: str, progress: bool
) -> tuple[int, dict[str, int]]:
    """Build the vocabulary and train.

    Args:
        model: of gensim, made with `arguments`.
        name: of the item, for messages and the progress bar.

    Returns:
        Running words seen, repetitions counted, and what else to tell of the cost.

    Raises:
        ConfigError: the budget is less than half of a pass.
    """
    model.build_vocab(text)
    epochs = round(options.budget / model.corpus_total_words)
    if not epochs:
        raise ConfigError(
            f"budget = {options.budget:,.0f} is too small for one pass of the text",
            where=f"conf/static/{name}.yaml",
            mend=f"raise it to {model.corpus_total_words:,} words, or use less text",
        )
    seen = int(epochs * model.corpus_total_words)
    with tqdm(total=seen, desc=name, unit="word", unit_scale=True, disable=not progress) as bar:
        if options.shards == 1:
            calls = [_Progress(bar)]
            trained, _ = model.train(
                text, total_examples=model.corpus_count, epochs=epochs, callbacks=calls
            )
        else:
            trained = fit_shards(
                model, text, epochs=epochs, shards=options.shards, seed=seed, update=bar.update
            )
    return seen, {"num_trained_words": trained}
