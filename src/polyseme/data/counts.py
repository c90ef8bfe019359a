"""Count words in bounded memory: sorted runs on disk, merged at the end.

Types grow without end with the size of a corpus (Heaps' law), so a dictionary of all of them would
not stay flat. When it holds `MAX_TYPES`, it is written out as one sorted run.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path

MAX_TYPES = 500_000


class WordCounter:
    """Count words; they hold no white space.

    Args:
        folder: made here, for the runs.
        max_types: distinct words in memory.
        runs: files that other counters have saved: their words are counted already.
    """

    def __init__(self, folder: Path, max_types: int = MAX_TYPES, runs: Sequence[Path] = ()) -> None:
        self._folder, self._max_types = folder, max_types
        self._folder.mkdir()
        self._counts: Counter[str] = Counter()
        self._runs = list(runs)

    def update(self, words: Iterable[str]) -> None:
        """Count `words`."""
        self._counts.update(words)
        if len(self._counts) >= self._max_types:
            self._spill()

    def save(self, path: Path) -> None:
        """Write all counts, sorted by word, and remove the folder."""
        _write(path, self._merged())
        for run in self._runs:
            run.unlink()
        self._folder.rmdir()

    def num_types(self) -> int:
        """Distinct words."""
        return sum(1 for _ in self._merged()) if self._runs else len(self._counts)

    def most_common(self, limit: int) -> list[tuple[str, int]]:
        """The `limit` most frequent words with counts, by count, ties by word."""
        counts = self._merged() if self._runs else iter(self._counts.items())
        return heapq.nsmallest(limit, counts, key=lambda item: (-item[1], item[0]))

    def _merged(self) -> Iterator[tuple[str, int]]:
        runs = [_read(path) for path in self._runs] + [iter(sorted(self._counts.items()))]
        for word, same in groupby(heapq.merge(*runs), key=itemgetter(0)):
            yield word, sum(count for _, count in same)

    def _spill(self) -> None:
        path = self._folder / f"counts-{len(self._runs)}.tsv"
        _write(path, sorted(self._counts.items()))
        self._runs.append(path)
        self._counts.clear()


def _write(path: Path, counts: Iterable[tuple[str, int]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(f"{word}\t{count}\n" for word, count in counts)


def _read(path: Path) -> Iterator[tuple[str, int]]:
    with path.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            word, _, count = line.rstrip("\n").rpartition("\t")
            yield word, int(count)
