"""word2vec skip-gram with negative sampling (Mikolov et al. 2013), trained by gensim.

One worker thread, because gensim's result depends on the interleaving of more. The vectors are
kept as a plain array; nothing is pickled.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from gensim.models import Word2Vec
from gensim.models.callbacks import CallbackAny2Vec
from pydantic import Field
from tqdm import tqdm

from polyseme.config import build, config
from polyseme.data.documents import sentences
from polyseme.data.tokenizer import WordPieces
from polyseme.models.base import TOKENIZER
from polyseme.models.common.table import OOV, Table, read_words
from polyseme.models.common.vocabulary import frequent
from polyseme.training.options import Fraction, Positive, Rate


@config
class Config:
    """Values of conf/static/word2vec.yaml."""

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
    """Running words to see, repetitions counted; rounded to whole passes, at least one."""
    min_count: Positive = 2
    """Rarer types are unknown."""
    oov: OOV = "zero"
    """Vector of an unknown word."""


class _Sentences:
    """Training sentences, normalised; gensim passes over them again and again."""

    def __init__(self, corpus: Path, pieces: WordPieces) -> None:
        self.corpus, self.pieces = corpus, pieces

    def __iter__(self) -> Iterator[list[str]]:
        for sentence in sentences(self.corpus, "train"):
            yield [self.pieces.normalize(word) for word in sentence]


class _Progress(CallbackAny2Vec):
    def __init__(self, epochs: int, show: bool) -> None:
        self.bar = tqdm(total=epochs, desc="word2vec", unit="pass", disable=not show)

    def on_epoch_end(self, model: Word2Vec) -> None:
        self.bar.update()


def train(options: Config, corpus: Path, *, seed: int, progress: bool) -> tuple[Table, int]:
    """Train the vectors.

    Returns:
        The representation and the number of running words seen.
    """
    words = frequent(corpus, options.min_count)
    pieces = WordPieces.load(corpus / TOKENIZER)
    model = Word2Vec(
        vector_size=options.dim,
        window=options.window,
        negative=options.negative,
        sample=options.sample,
        alpha=options.lr,
        min_count=options.min_count,
        sg=1,
        seed=seed,
        workers=1,
    )
    text = _Sentences(corpus, pieces)
    model.build_vocab(text)
    epochs = max(1, round(options.budget / model.corpus_total_words))
    model.train(
        text,
        total_examples=model.corpus_count,
        epochs=epochs,
        callbacks=[_Progress(epochs, progress)],
    )
    vectors_VD = np.stack([model.wv[word] for word in words])
    table = Table(words, options.dim, pieces, options.oov).set_vectors(vectors_VD)
    return table, epochs * model.corpus_total_words


def restore(card: dict[str, Any], folder: Path) -> Table:
    """The table of a card, its vectors still to be loaded."""
    options = build(Config, card["config"], file=str(folder))
    pieces = WordPieces.load(folder / TOKENIZER)
    return Table(read_words(folder), options.dim, pieces, options.oov)
