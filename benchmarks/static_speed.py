"""Predictive static models: gensim with one and with two workers against polyseme's shards.

    python -m benchmarks.static_speed [words of text] [budget] [rounds]

Contestants take turns on the controlled language, the same text, passes and gensim; seconds are
those of training alone, vocabulary known. gensim with two workers gives another result every time;
the shards give one. Quality is the share of a word's ten nearest neighbours that have its class and
topic in the language's own word list, over words that stand in one class only, and how far the
quality of equal runs with other seeds spreads.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from gensim.models import FastText, Word2Vec

from benchmarks import _controlled, _report
from polyseme.data.tokenizer import WordPieces
from polyseme.language import lexicon
from polyseme.models import cbow, fasttext, word2vec
from polyseme.models.base import TOKENIZER
from polyseme.models.common.negative_sampling import NegativeSampling, arguments
from polyseme.models.common.sharding import fit_shards
from polyseme.models.common.text import Text

NEIGHBOURS = 10
Made = tuple[Word2Vec, float]


def main(num_words: int = 2_000_000, budget: float = 4e6, rounds: int = 3) -> None:
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        _controlled.prepare(corpus, vocab_size=1000, num_words=num_words)
        text = list(Text(corpus, WordPieces.load(corpus / TOKENIZER)))
    kinds: dict[str, tuple[NegativeSampling, Callable[..., Word2Vec]]] = {
        "word2vec": (word2vec.Config(sample=1e-3), lambda **a: Word2Vec(sg=1, **a)),
        "cbow": (cbow.Config(sample=1e-3, lr=0.05), lambda **a: Word2Vec(sg=0, **a)),
        "fasttext": (fasttext.Config(sample=1e-3), lambda **a: FastText(sg=1, bucket=50_000, **a)),
    }
    rows = []
    for name, (options, make) in kinds.items():
        rows += _compare(name, options=options, make=make, text=text, budget=budget, rounds=rounds)
    _report.write("static_speed", rows, words=sum(map(len, text)), budget=budget, rounds=rounds)


def _compare(
    name: str,
    *,
    options: NegativeSampling,
    make: Callable[..., Word2Vec],
    text: list[list[str]],
    budget: float,
    rounds: int,
) -> list[dict[str, Any]]:
    contestants: dict[str, Callable[[Word2Vec, int, int], None]] = {
        "gensim, 1 worker": lambda model, epochs, seed: _gensim(model, text, epochs, 1),
        "gensim, 2 workers": lambda model, epochs, seed: _gensim(model, text, epochs, 2),
        "polyseme, 2 shards": lambda model, epochs, seed: _shards(model, text, epochs, 2, seed),
    }
    seconds: dict[str, list[float]] = {key: [] for key in contestants}
    quality: dict[str, list[float]] = {key: [] for key in contestants}
    for seed in range(rounds):
        for key, train in contestants.items():
            model = make(**arguments(options, seed))
            model.build_vocab(text)
            epochs = max(1, round(budget / model.corpus_total_words))
            started = time.perf_counter()
            train(model, epochs, seed)
            seconds[key].append(time.perf_counter() - started)
            quality[key].append(_same_class(model))
            print(name, key, round(seconds[key][-1], 1), round(quality[key][-1], 4), flush=True)
    slowest = statistics.median(seconds["gensim, 1 worker"])
    return [
        {
            "model": name,
            "contestant": key,
            "seconds": round(statistics.median(seconds[key]), 2),
            "faster_than_one_worker_by": round(slowest / statistics.median(seconds[key]), 2),
            "neighbours_of_the_same_class": round(statistics.mean(quality[key]), 4),
            "spread_over_seeds": round(max(quality[key]) - min(quality[key]), 4),
        }
        for key in contestants
    ]


def _gensim(model: Word2Vec, text: list[list[str]], epochs: int, workers: int) -> None:
    model.workers = workers
    model.train(text, total_examples=model.corpus_count, epochs=epochs)


def _shards(model: Word2Vec, text: list[list[str]], epochs: int, shards: int, seed: int) -> None:
    fit_shards(model, text, epochs=epochs, shards=shards, seed=seed, update=lambda words: None)


def _same_class(model: Word2Vec) -> float:
    """Share of nearest neighbours with the class and topic of their word."""
    places: dict[str, set[tuple[str, str]]] = {}
    for kind, topics in lexicon.read(
        _controlled.ROOT / "src/polyseme/language/english"
    ).classes.items():
        for topic, words in topics.items():
            for word in words:
                for form in word.forms.values():
                    places.setdefault(form.lower(), set()).add((kind, topic))
    known = [w for w in model.wv.index_to_key if len(places.get(w, ())) == 1]
    labels = [next(iter(places[word])) for word in known]
    same = np.array([[a == b for b in labels] for a in labels])
    vectors = np.stack([model.wv[word] for word in known])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -2)
    nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :NEIGHBOURS]
    return float(np.take_along_axis(same, nearest, axis=1).mean())


if __name__ == "__main__":
    main(*(int(float(value)) for value in sys.argv[1:]))
