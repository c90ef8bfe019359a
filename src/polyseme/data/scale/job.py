"""What every task of a preparation is told, and where it reads and writes.

A task writes into a folder of its own, which appears whole or not at all:
`<folder>/<pass>/<rank>/`. Tasks depend on the job and on what earlier passes wrote, so that one
that runs twice, after a kill or on two machines, writes the same bytes.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from polyseme import items
from polyseme.corpora.base import RawDocument
from polyseme.data import spool
from polyseme.data.documents import Packed

if TYPE_CHECKING:
    from polyseme.data.corpus import Config

NUMBERS = 2**40
"""More than the documents of any file."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One preparation of a corpus, picklable; see `polyseme.data.corpus.prepare`."""

    options: Config
    reader_options: Any
    name: str
    source: Path
    files: tuple[Path, ...]
    folder: Path
    """Where passes write; all machines see it under this path."""
    num_tasks: int

    def done(self, what: str, rank: int = 0) -> Path:
        """Folder of a finished task."""
        return self.folder / what / f"{rank:05d}"

    @contextmanager
    def writing(self, what: str, rank: int) -> Iterator[Path]:
        """A folder that becomes that of the task when the body has ended."""
        target = self.done(what, rank)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.tmp-"))
        try:
            yield temporary
            with suppress(OSError):  # the same task, run twice, was faster with the same bytes
                temporary.rename(target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def raw(self, rank: int) -> Iterator[tuple[int, RawDocument]]:
        """Documents of a task, and the place of each in the order of the whole source.

        Files are dealt out to tasks; where there are fewer files than tasks, several read the same
        file, and each takes every so manieth document.
        """
        reader, count = items.load("corpus", self.options.reader), len(self.files)
        sharing, first = 1, 0
        mine = range(rank, count, self.num_tasks)
        if count < self.num_tasks:
            mine = range(rank % count, rank % count + 1)
            first, sharing = rank // count, len(range(rank % count, self.num_tasks, count))
        for index in mine:
            found = reader.documents(self.reader_options, self.files[index])
            for number, raw in enumerate(found):
                if number % sharing == first:
                    yield index * NUMBERS + number, raw

    def cleaned(self, rank: int) -> Iterator[Packed]:
        """What the task has cleaned and the pass `decide` keeps."""
        keep = np.load(self.done("decide") / f"{rank:05d}.npy")
        found = spool.read(self.done("clean", rank) / spool.FILE)
        return (one for kept, one in zip(keep, found, strict=True) if kept)

    def ranks_in_order(self) -> npt.NDArray[np.int32]:
        """For each cleaned document, in the order of the source: the task that has it."""
        places = [np.load(self.done("clean", r) / "places.npy") for r in range(self.num_tasks)]
        ranks = np.repeat(np.arange(self.num_tasks, dtype=np.int32), [len(p) for p in places])
        return ranks[np.argsort(np.concatenate(places), kind="stable")]

    def kept_ranks(self) -> npt.NDArray[np.int32]:
        """The same for the documents that are kept."""
        return self.ranks_in_order()[np.load(self.done("decide") / "kept.npy")]
