"""What does not stream: bytes that each further document, type, pair, row or word takes in memory.

`growth` shows how memory grows with a language of few types. What grows with something else than
words is measured here by itself: two sizes of made-up input, the difference of their peaks over the
difference of their units. Python's and numpy's memory is counted as it is allocated; that of
pyarrow as anonymous memory of the process.
"""

from __future__ import annotations

import tempfile
import tracemalloc
from array import array
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from gensim.models import Word2Vec
from scipy import sparse

from benchmarks import _docs, _report
from benchmarks._growth_watch import anonymous_bytes
from polyseme.data import dedup, documents
from polyseme.data.counts import WordCounter
from polyseme.data.documents import DocumentWriter, Packed
from polyseme.data.tokens import TokenStore
from polyseme.models import glove, word2vec
from polyseme.models.common.cooccurrence import cooccurrence
from polyseme.models.common.negative_sampling import arguments
from polyseme.models.count import ppmi
from polyseme.runtime.manifest import canonical
from polyseme.tasks import base
from polyseme.tasks.base import Split
from polyseme.tasks.common.prepared import PreparedTask
from polyseme.training.batches import Rows

Work = Callable[[int], object]


class Limit(NamedTuple):
    """One thing that is held for each unit.

    Attributes:
        work: holds so many units; gives their number where it is another.
        sizes: two numbers of units.
    """

    what: str
    unit: str
    stage: str
    work: Work
    sizes: tuple[int, int]
    native: bool = False


def main() -> None:
    rows = []
    for limit in LIMITS:
        found = bytes_of(limit)
        rows.append({"what": limit.what, "stage": limit.stage, "unit": limit.unit,
                     "bytes": round(found, 1)})  # fmt: skip
        print(rows[-1], flush=True)
    _report.write("growth_limits", rows)
    for name in _docs.COMPUTED:
        _docs.put(name)


def bytes_of(limit: Limit) -> float:
    """Bytes of each further unit."""
    peak = _alone if limit.native else _traced
    (few, low), (many, high) = (peak(limit.work, size) for size in limit.sizes)
    return (high - low) / (many - few)


def _traced(work: Work, size: int) -> tuple[int, int]:
    tracemalloc.start()
    try:
        units = work(size)
        return units if isinstance(units, int) else size, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _alone(work: Work, size: int) -> tuple[int, int]:
    """In a process of its own, so that no memory is left from before."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_native, work, size).result()


def _native(work: Work, size: int) -> tuple[int, int]:
    before = anonymous_bytes()
    kept = work(size)
    grown = anonymous_bytes() - before
    del kept
    return size, grown


def seek_duplicates(num: int) -> None:
    random = np.random.default_rng(0)
    ids = array("Q", random.integers(2**63, size=num, dtype=np.uint64).tobytes())
    exact = dedup.exact_duplicates(np.frombuffer(ids, dtype=np.uint64))
    keys = random.integers(2**63, size=num, dtype=np.uint64)
    for _ in dedup._groups(keys, exact | np.zeros(num, dtype=np.bool_)):
        pass


def count_words(num: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        WordCounter(Path(folder) / "counts").update(f"word{n}" for n in range(num))


def gensim_vocabulary(num: int) -> None:
    model = Word2Vec(**arguments(word2vec.Config(), 0))
    model.build_vocab([f"word{n}"] * 2 for n in range(num))


def cooccurrences(num_types: int) -> int:
    def ids(words: object, chunk_words: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        random = np.random.default_rng(0)
        for _ in range(100 * num_types // chunk_words):
            sentences = np.arange(chunk_words, dtype=np.int32) // 20
            yield random.integers(num_types, size=chunk_words, dtype=np.int32), sentences

    text: Any = SimpleNamespace(ids=ids, corpus=Path())
    found = cooccurrence(
        text, [""] * num_types, window=5, weighting="flat", num_words=0, progress=False,
        chunk_words=10_000,
    )  # fmt: skip
    return int(found.nnz)


def counts(num: int) -> sparse.csr_array:
    random = np.random.default_rng(0)
    size = int(2 * num**0.5)
    places = np.unique(random.integers(size * size, size=num))
    values = random.random(len(places)) + 1
    rows, columns = (part.astype(np.int32) for part in np.divmod(places, size))
    return sparse.csr_array((values, (rows, columns)), shape=(size, size))


def weigh(num: int) -> int:
    counts_VV = counts(num)
    ppmi(counts_VV, shift=1.0, smoothing=0.75)
    return int(counts_VV.nnz)


def shuffle_pairs(num: int) -> int:
    counts_VV = counts(num)
    glove.blocks(counts_VV, glove.Config(), 0)
    return int(counts_VV.nnz)


def order_of_rows(num: int) -> object:
    tokens = np.broadcast_to(np.zeros(1, dtype=np.uint16), (num * 64 + 63,))
    rows = Rows(TokenStore(tokens, tokens, 0), length=64, seed=0)  # type: ignore[arg-type]
    return [rows._order(epoch) for epoch in (0, 1)]


def _sentences(num_words: int) -> list[list[str]]:
    return [[f"word{n % 5000}" for n in range(at, at + 20)] for at in range(0, num_words, 20)]


def read_task(num_words: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        labels = ["NOUN", "VERB"] * 10
        split = Split(_sentences(num_words), [labels] * (num_words // 20))
        few = Split(_sentences(200), [labels] * 10)
        base.write(
            Path(folder), {"train": split, "valid": few, "test": few},
            {"name": "tags", "family": "tagging"},
        )  # fmt: skip
        del split
        tracemalloc.reset_peak()
        task = PreparedTask(Path(folder))
        task.targets(task.splits["train"])
        canonical([list(sentence) for sentence in task.splits["train"].sentences])


def write_groups(num: int) -> object:
    folder = tempfile.mkdtemp()
    writer = DocumentWriter(Path(folder) / documents.FILE)
    for n in range(num):
        writer.write_group(documents.table([Packed(f"{n:016x}", "", "train", "word")]))
    return writer


LIMITS = (
    Limit("ids, keys and order of documents", "document", "clean", seek_duplicates,
          (200_000, 800_000)),
    Limit("the word counter, up to 500,000 types a split", "type", "select", count_words,
          (50_000, 200_000)),
    Limit("footer of documents.parquet, of 100,000 words each", "row group", "select",
          write_groups, (500, 4_500), native=True),
    Limit("gensim's vocabulary and vectors, 128 dimensions", "type", "word2vec",
          gensim_vocabulary, (5_000, 25_000)),
    Limit("co-occurrence counts", "pair", "count, glove", cooccurrences, (500, 2_000)),
    Limit("mutual information beside its counts", "pair", "count", weigh, (100_000, 500_000)),
    Limit("shuffled pairs beside their counts", "pair", "glove", shuffle_pairs,
          (100_000, 500_000)),
    Limit("order of rows, two passes", "row", "lm_steps", order_of_rows, (100_000, 500_000)),
    Limit("texts and labels of a task, and their key", "word", "encode, probe", read_task,
          (20_000, 100_000)),
)  # fmt: skip


if __name__ == "__main__":
    main()
