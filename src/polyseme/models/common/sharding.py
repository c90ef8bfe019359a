"""All cores for gensim's predictive models, with a result that depends on the configuration alone.

gensim with several worker threads gives another result every time. Here each shard has a replica of
the model and a thread of its own (gensim's compiled loop releases Python's lock). Every round deals
one batch of 2,000 words to each shard, in the order of the text; then the replicas meet:

    new = old + sum over shards (replica - old)

The sum, not the mean, is what lock-free threads do to vectors that they share (Niu et al. 2011,
Hogwild): a row that one shard alone has seen keeps its whole step. With many words between meetings
common rows would go too far, so the most frequent rows meet after every round, all rows after every
sixteenth (Ji et al. 2016, arXiv:1604.04661, also let frequent rows meet more often, but average).
Random numbers of a batch follow from (seed, batch), the learning rate from the words dealt so far.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt
from gensim.models import FastText, Word2Vec

from polyseme.draws import philox

STREAM = 43
BATCH_WORDS = 2_000
"""Words of each shard between two meetings."""
HOT_ROWS = 2_048
"""The most frequent rows of each array: they meet after every round."""
ROUNDS_TO_ALL = 16
"""Rounds after which all rows meet."""
CACHED_ROWS = 512
"""Rows that are added at once, so that they stay in the cache."""
Batch = list[list[str]]
Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class _Job:
    """A batch, and what its training depends on."""

    batch: Batch
    number: int
    lr: float


def fit_shards(
    model: Word2Vec,
    text: Iterable[list[str]],
    *,
    epochs: int,
    shards: int,
    seed: int,
    update: Callable[[int], object],
) -> int:
    """Train a model whose vocabulary is known.

    Args:
        model: of gensim; holds the result.
        text: sentences; read once for each epoch.
        shards: replicas, each with a thread.
        update: is told the words of each round, for a progress bar.

    Returns:
        Words that were trained on: those of the text that are known and were not left out for being
        frequent, repetitions counted.
    """
    num_trained = 0
    with _frequent_first(model), ThreadPoolExecutor(shards) as pool:
        replicas = [_replica(model) for _ in range(shards)]
        parts = list(zip(*map(_arrays, [model, *replicas]), strict=True))
        jobs = _jobs(model, text, epochs)
        hand, number = list(islice(jobs, shards)), 1
        while hand:
            training = [
                pool.submit(_train, replica, job, seed)
                for replica, job in zip(replicas, hand, strict=False)
            ]
            hand = list(islice(jobs, shards))  # read ahead while the shards compute
            done = [future.result() for future in training]
            num_trained += sum(trained for trained, _ in done)
            update(sum(num_words for _, num_words in done))
            everything = not hand or number % ROUNDS_TO_ALL == 0
            for common_RD, *copies_RD in parts:
                _meet(common_RD, copies_RD, len(common_RD) if everything else HOT_ROWS)
            number += 1
    model._clear_post_train()
    return num_trained


def _jobs(model: Word2Vec, text: Iterable[list[str]], epochs: int) -> Iterator[_Job]:
    """Batches in the order of the text, with linearly falling rates."""
    total, dealt = epochs * model.corpus_total_words, 0
    for number, batch in enumerate(batches(text, epochs)):
        progress = min(1.0, dealt / total)
        yield _Job(batch, number, model.alpha - (model.alpha - model.min_alpha) * progress)
        dealt += sum(map(len, batch))


def batches(text: Iterable[list[str]], epochs: int) -> Iterator[Batch]:
    """Whole sentences in batches of at most `BATCH_WORDS`; a longer sentence is alone."""
    batch: Batch = []
    num_words = 0
    for _ in range(epochs):
        for sentence in text:
            if batch and num_words + len(sentence) > BATCH_WORDS:
                yield batch
                batch, num_words = [], 0
            batch.append(sentence)
            num_words += len(sentence)
    if batch:
        yield batch


def _train(replica: Word2Vec, job: _Job, seed: int) -> tuple[int, int]:
    """Train one replica on a batch; gives its words, trained on and running."""
    replica.random = np.random.RandomState(philox(seed, STREAM, job.number).bit_generator)
    memory = replica._get_thread_working_mem()
    num_trained, num_words = replica._do_train_job(job.batch, job.lr, memory)
    return int(num_trained), int(num_words)


def _replica(model: Word2Vec) -> Word2Vec:
    """The same vocabulary, vectors of its own."""
    replica = copy.copy(model)
    replica.wv = copy.copy(model.wv)
    for name in _names(model):
        setattr(replica.wv, name, getattr(model.wv, name).copy())
    replica.syn1neg = model.syn1neg.copy()
    return replica


def _names(model: Word2Vec) -> tuple[str, ...]:
    """Arrays of input vectors that training changes."""
    return ("vectors_vocab", "vectors_ngrams") if isinstance(model, FastText) else ("vectors",)


def _arrays(model: Word2Vec) -> list[Vectors]:
    """All arrays that training changes; rows of each, the most frequent first."""
    return [*(getattr(model.wv, name) for name in _names(model)), model.syn1neg]


def _meet(common_RD: Vectors, copies_RD: list[Vectors], num_rows: int) -> None:
    """Add up the steps of all replicas, in order, and give everyone the sum.

    Args:
        common_RD: array of the model: of each row, the value at its last meeting.
        copies_RD: arrays of the replicas.
        num_rows: the first rows, which meet.
    """
    for start in range(0, num_rows, CACHED_ROWS):
        rows = slice(start, min(start + CACHED_ROWS, num_rows))
        old_RD = common_RD[rows].copy()
        for each_RD in copies_RD:
            common_RD[rows] += each_RD[rows] - old_RD
        for each_RD in copies_RD:
            each_RD[rows] = common_RD[rows]


@contextmanager
def _frequent_first(model: Word2Vec) -> Iterator[None]:
    """Meanwhile the vectors of n-grams are those of known words only, the most frequent first.

    gensim sorts words in this way itself; no other n-gram is trained.
    """
    if not isinstance(model, FastText):
        yield
        return
    vectors_GD, rows_of_words = model.wv.vectors_ngrams, model.wv.buckets_word
    counts_G = np.zeros(len(vectors_GD), dtype=np.int64)
    for word, rows in enumerate(rows_of_words):
        np.add.at(counts_G, rows, model.wv.get_vecattr(word, "count"))
    order_R = np.argsort(-counts_G, kind="stable")[: np.count_nonzero(counts_G)]
    place_G = np.zeros(len(vectors_GD), dtype=np.uint32)
    place_G[order_R] = np.arange(len(order_R))
    model.wv.vectors_ngrams = vectors_GD[order_R]
    model.wv.buckets_word = [place_G[rows] for rows in rows_of_words]
    yield
    vectors_GD[order_R] = model.wv.vectors_ngrams
    model.wv.vectors_ngrams, model.wv.buckets_word = vectors_GD, rows_of_words
