"""An ordered parallel map that never reads far ahead.

`concurrent.futures` submits the whole input at once; here at most `IN_FLIGHT` chunks a worker are
under way, so memory does not grow with the input. Results come in input order, so what is written
does not depend on the number of workers. Workers are spawned (fork is unsafe beside busy threads),
and leave when their parent dies, even by kill -9.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing.connection import wait
from typing import Any, Literal, TypeVar

from polyseme.errors import ResourceError

T = TypeVar("T")
R = TypeVar("R")

IN_FLIGHT = 3


def _nothing() -> None:
    pass


class Workers:
    """Processes for one `map` after the other; use as a context manager.

    Args:
        num_workers: processes; with 1 everything happens in this one.
        begin: called once in every worker before its first item.
        start: fork saves a worker its imports, several seconds with torch, and is safe where this
            process has computed nothing in parallel yet; taken on Linux only.
        where: names the work in an error.
        setting: conf key of the number of workers, for the same.
    """

    def __init__(
        self,
        num_workers: int,
        *,
        begin: Callable[[], object] = _nothing,
        start: Literal["spawn", "fork"] = "spawn",
        where: str = "corpus preparation",
        setting: str = "runtime.num_workers",
    ) -> None:
        self.num_workers = num_workers
        self._begin, self._start = begin, start
        self._where, self._setting = where, setting
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Workers:
        if self.num_workers <= 1:
            self._begin()
            return self
        context = multiprocessing.get_context(self._start if sys.platform == "linux" else "spawn")
        self._pool = ProcessPoolExecutor(
            self.num_workers,
            mp_context=context,
            initializer=_start_worker,
            initargs=(self._begin,),
        )
        self._pool.submit(_nothing)  # forks all of them, now
        return self

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Generator[R]:
        """`map(function, items)`; see `ordered_map`."""
        if self._pool is None:
            yield from map(function, items)
            return
        try:
            yield from _drain(self._pool, function, iter(items), IN_FLIGHT * self.num_workers)
        except BrokenProcessPool:
            raise ResourceError(
                "a worker process was killed",
                where=self._where,
                mend=f"lower {self._setting}, or make more memory free",
            ) from None

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)


HERE = Workers(1)
"""This process."""


def ordered_map(
    function: Callable[[T], R],
    items: Iterable[T],
    *,
    num_workers: int,
    **how: Any,
) -> Generator[R]:
    """`map(function, items)` over processes.

    Args:
        function: picklable: a top-level function, or an instance of a top-level class.
        items: read lazily, in this process.
        num_workers: processes; with 1 everything happens in this one.
        how: of `Workers`.

    Raises:
        ResourceError: a worker was killed, most often for memory.
        Exception: whatever `function` raises; later items are not started.
    """
    with Workers(num_workers, **how) as workers:
        yield from workers.map(function, items)


def _drain(
    pool: ProcessPoolExecutor, function: Callable[[T], R], items: Iterator[T], in_flight: int
) -> Iterator[R]:
    """Keep `in_flight` items under way; give results in order."""
    futures: deque[Future[R]] = deque(
        pool.submit(function, item) for item in islice(items, in_flight)
    )
    while futures:
        yield futures.popleft().result()
        futures.extend(pool.submit(function, item) for item in islice(items, 1))


def _start_worker(begin: Callable[[], object]) -> None:
    """Leave ctrl-c to the parent, and leave when the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    begin()


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
