"""What a corpus reader is: a module here with

- `Config`: its options, the values of `reader_options` in conf/corpus/<name>.yaml;
- `documents(options, path) -> Iterator[RawDocument]`: documents of one file, streamed, cheap;
- `clean(options, raw) -> list[str]`: the paragraphs of one document. Pure: it runs in worker
  processes, in any order.

A reader whose documents need no cleaning, since their words and splits are known, has instead

- `finished(options, source, how) -> Iterator[Document]`: documents in order, all different. It may
  write more files into `how.result`; they become part of the corpus.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from polyseme.errors import DataError


@dataclass(frozen=True, slots=True)
class RawDocument:
    """A document as the source has it."""

    title: str
    text: str
    position: int
    """Bytes of the file read so far, for the progress bar."""


@dataclass(frozen=True, kw_only=True)
class Finishing:
    """What a reader of finished documents is told of the preparation."""

    name: str
    """Of the corpus."""
    result: Path
    """Folder of the prepared corpus."""
    num_workers: int
    """Processes; the result does not depend on them."""
    progress: bool
    """Whether to show a bar."""
    valid_fraction: float
    test_fraction: float


def refuse_nul(text: str, where: str) -> str:
    """`text`, unless it holds a NUL character, which marks binary data.

    Raises:
        DataError: naming `where`.
    """
    if "\0" in text:
        raise DataError("NUL character in text", where=where, mend="remove it, or the document")
    return text
