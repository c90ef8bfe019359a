"""Count words in bounded memory: sorted runs on disk, merged at the end.

Types grow without end with the size of a corpus (Heaps' law), so a dictionary of all of them would
not stay flat. When it holds `MAX_TYPES`, it is written out as one sorted run. `MAX_RUNS` runs
become one of the next level, so that few files are open at once, however many words there are.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path

MAX_TYPES = 500_000
MAX_RUNS = 64


class WordCounter:
    """Count words; they hold no white space.

    Args:
        folder: made here, for the runs.
        max_types: distinct words in memory.
        max_runs: runs of a level.
        runs: files that other counters have saved: their words are counted already.
    """

    def __init__(
        self,
        folder: Path,
        max_types: int = MAX_TYPES,
        max_runs: int = MAX_RUNS,
        runs: Sequence[Path] = (),
    ) -> None:
        self._folder, self._max_types, self._max_runs = folder, max_types, max_runs
        self._folder.mkdir()
        self._counts: Counter[str] = Counter()
        self._levels: list[list[Path]] = []
        self._num_written = 0
        self._given = list(runs)
        while len(self._given) > max_runs:
            some, self._given = self._given[:max_runs], self._given[max_runs:]
            self._write(_summed([_read(run) for run in some]), level=0)

    def update(self, words: Iterable[str] | Mapping[str, int]) -> None:
        """Count words; or add counts."""
        self._counts.update(words)
        if len(self._counts) >= self._max_types:
            self._spill()

    def save(self, path: Path) -> None:
        """Write all counts, sorted by word, and remove the folder."""
        _write(path, self._merged())
        for level in self._levels:
            for run in level:
                run.unlink()
        self._folder.rmdir()

    def num_types(self) -> int:
        """Distinct words."""
        return sum(1 for _ in self._merged()) if self._has_runs else len(self._counts)

    def most_common(self, limit: int) -> list[tuple[str, int]]:
        """The `limit` most frequent words with counts, by count, ties by word."""
        if self._has_runs:
            return heapq.nsmallest(limit, self._merged(), key=lambda item: (-item[1], item[0]))
        counts = sorted(self._counts.items())
        counts.sort(key=itemgetter(1), reverse=True)  # which keeps the order of equal ones
        return counts[:limit]

    @property
    def _has_runs(self) -> bool:
        return bool(self._given or self._levels)

    def _merged(self) -> Iterator[tuple[str, int]]:
        own = [path for level in self._levels for path in level]
        runs = [_read(path) for path in [*self._given, *own]]
        return _summed([*runs, iter(sorted(self._counts.items()))])

    def _spill(self) -> None:
        self._write(sorted(self._counts.items()), level=0)
        self._counts.clear()

    def _write(self, counts: Iterable[tuple[str, int]], *, level: int) -> None:
        """One run; a level that is full becomes one run of the next."""
        path = self._folder / f"counts-{self._num_written}.tsv"
        self._num_written += 1
        _write(path, counts)
        if level == len(self._levels):
            self._levels.append([])
        self._levels[level].append(path)
        if len(self._levels[level]) >= self._max_runs:
            full, self._levels[level] = self._levels[level], []
            self._write(_summed([_read(run) for run in full]), level=level + 1)
            for run in full:
                run.unlink()


def _summed(runs: Sequence[Iterator[tuple[str, int]]]) -> Iterator[tuple[str, int]]:
    """Counts of sorted runs, each word once."""
    for word, same in groupby(heapq.merge(*runs), key=itemgetter(0)):
        yield word, sum(count for _, count in same)


def _write(path: Path, counts: Iterable[tuple[str, int]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(f"{word}\t{count}\n" for word, count in counts)


def _read(path: Path) -> Iterator[tuple[str, int]]:
    with path.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            word, _, count = line.rstrip("\n").rpartition("\t")
            yield word, int(count)
