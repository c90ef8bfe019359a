"""Batches from the token store by counting, not by state.

Step s of a run needs nothing but (seed, s): a run that continues at step s sees what an
uninterrupted one would have seen, on any number of devices. Text is cut into rows of S tokens
(concat-and-chunk: nothing is padding); each epoch has its own order and its own first token, so
that rows are cut at other places. Models that carry a state from batch to batch read streams
instead, which are counted in the same way.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from polyseme.data.tokens import TokenStore
from polyseme.draws import philox
from polyseme.errors import DataError

STREAM = 21


class Rows:
    """Rows of S consecutive tokens, in a seeded order without end.

    Args:
        store: tokens of one split.
        length: S.
        seed: of the order.

    Raises:
        DataError: the split has less than one row.
    """

    def __init__(self, store: TokenStore, *, length: int, seed: int) -> None:
        self.store, self.length, self.seed = store, length, seed
        self.num_rows = (store.num_tokens - length + 1) // length
        if self.num_rows < 1:
            raise DataError(
                f"has {store.num_tokens} tokens, fewer than two rows of {length}",
                mend="use a shorter sequence_length or more text",
            )
        self._order = lru_cache(maxsize=2)(self._make_order)

    def _make_order(self, epoch: int) -> tuple[int, np.ndarray]:
        random = philox(self.seed, 1, epoch)
        first = int(random.integers(self.length))
        # as `permutation` draws it, in half its memory: it is kept, and grows with the text
        narrow = self.num_rows <= np.iinfo(np.uint32).max
        order = np.arange(self.num_rows, dtype=np.uint32 if narrow else np.int64)
        random.shuffle(order)
        return first, order

    def at(self, numbers: range) -> tuple[np.ndarray, np.ndarray]:
        """Rows by their number in the endless order.

        Returns:
            ids_BS int64 and flags_BS uint8 (1 first piece of a word, 0 continuation, 2 special).
        """
        starts = []
        for number in numbers:
            first, order = self._order(number // self.num_rows)
            starts.append(first + int(order[number % self.num_rows]) * self.length)
        index_BS = np.asarray(starts)[:, None] + np.arange(self.length)
        return self.store.tokens[index_BS].astype(np.int64), self.store.flags[index_BS]


class Streams:
    """Rows that continue those of the step before: truncated backpropagation through time.

    The text is a ring. B readers stand on it at equal distances and all move on by S tokens a step,
    so nothing is left out, no reader ever jumps, and in each epoch every reader has a part of the
    text that another had before. Rows have S + 1 tokens: the last is the first of the next step.

    Args:
        store: tokens of one split.
        length: S.
        rows: B.
        seed: of the place where the first reader begins.

    Raises:
        DataError: the split has less than one row for each reader.
    """

    def __init__(self, store: TokenStore, *, length: int, rows: int, seed: int) -> None:
        self.store, self.length, self.rows = store, length, rows
        self.num_rows = store.num_tokens // length
        if self.num_rows < rows:
            raise DataError(
                f"has {store.num_tokens} tokens, fewer than {rows} rows of {length}",
                mend="use a smaller batch_size or sequence_length, or more text",
            )
        first = int(philox(seed, STREAM).integers(store.num_tokens))
        self._starts_B = first + np.arange(rows) * store.num_tokens // rows

    def at(self, numbers: range) -> tuple[np.ndarray, np.ndarray]:
        """Rows by number; row n is that of reader n % B at step n // B.

        Returns:
            ids_BS int64 and flags_BS uint8, with S + 1 columns.
        """
        step_B, reader_B = np.divmod(np.asarray(numbers), self.rows)
        start_B = self._starts_B[reader_B] + step_B * self.length
        index_BS = (start_B[:, None] + np.arange(self.length + 1)) % self.store.num_tokens
        return self.store.tokens[index_BS].astype(np.int64), self.store.flags[index_BS]


def in_text_order(store: TokenStore, *, length: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows for validation, spread evenly over the split: ids_BS and flags_BS."""
    available = store.num_tokens // length
    if available < 1:
        raise DataError(
            f"has {store.num_tokens} tokens, fewer than one row of {length}",
            mend="use a shorter sequence_length or a larger validation fraction",
        )
    chosen = np.unique(np.linspace(0, available - 1, min(rows, available)).astype(int))
    index_BS = chosen[:, None] * length + np.arange(length)
    return store.tokens[index_BS].astype(np.int64), store.flags[index_BS]
