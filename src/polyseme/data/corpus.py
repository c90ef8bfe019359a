"""Prepare a corpus: documents -> sentences of words -> subword tokens, with a data card.

What is written depends on the source and the configuration only, not on the number of workers:

    documents.parquet    kept documents: id, title, split, sentences of words (original casing)
    tokenizer.json       the subword tokenizer, see tokenizer.py
    <split>.tokens       piece ids, see tokens.py
    <split>.flags        first piece of a word, later piece, or special
    vocabulary.parquet   words of the train split with their counts
    card.json            the data card, see card.py
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import Field

from polyseme import items
from polyseme.config import build, config
from polyseme.data.preparation import Preparation
from polyseme.data.tokenizer import SMALLEST_VOCABULARY
from polyseme.errors import ConfigError, DataError
from polyseme.runtime import collecting
from polyseme.runtime.preparing import HERE, Preparing

Positive = Annotated[int, Field(gt=0)]
Fraction = Annotated[float, Field(gt=0, lt=0.5)]

MANIFEST = "sha256.json"


@config
class Config:
    """Values of conf/corpus/<name>.yaml."""

    reader: str
    """Module in src/polyseme/corpora."""
    source: str
    """File or folder."""
    pattern: str
    """Glob inside a source folder, `**` allowed."""
    licence: str
    """Of the text; goes to the data card."""
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
    """ISO 639 code, for sentence splitting."""
    reader_options: dict[str, Any] = Field(default_factory=dict)
    """Values of the reader's own Config."""
    lowercase: bool
    """Subwords and vocabulary in lower case; documents.parquet keeps the casing."""
    vocab_size: Annotated[int, Field(ge=SMALLEST_VOCABULARY)]
    """Pieces of the subword tokenizer."""
    valid_fraction: Fraction
    """Of the documents, by hash."""
    test_fraction: Fraction
    """Of the documents, by hash."""
    min_paragraph_words: Positive
    """Shorter paragraphs are left out."""
    min_document_words: Positive
    """Shorter documents are dropped."""
    shingle_words: Positive
    """Words of an n-gram, for near-duplicates."""
    near_duplicate_threshold: Annotated[float, Field(ge=0.3, le=1)]
    """Jaccard similarity of n-grams from which the later document is dropped."""
    tokenizer_sample_bytes: Positive
    """About how much of the train split the tokenizer learns from."""
    max_types: Positive
    """Most frequent words that vocabulary.parquet lists."""


def check(values: Mapping[str, Any], *, file: str, key: str) -> tuple[Config, Any]:
    """The common and the reader's own configuration.

    Raises:
        ConfigError: unknown key or reader, wrong type, value out of range.
    """
    options = build(Config, values, file=file, key=key)
    _check_pattern(options.pattern, where=f"{file}: {key}.pattern")
    reader = items.load("corpus", options.reader)
    return options, build(
        reader.Config, options.reader_options, file=file, key=f"{key}.reader_options"
    )


def prepare(
    options: Config,
    reader_options: Any,
    *,
    name: str,
    source: Path,
    out: Path,
    num_workers: int,
    progress: bool,
    how: Preparing = HERE,
    scratch: Path | None = None,
) -> dict[str, Any]:
    """Prepare the corpus in `source` and write it into the existing, empty folder `out`.

    Args:
        options: common configuration.
        reader_options: Config of the reader; see `check`.
        name: of the corpus, for the card and for messages.
        num_workers: processes that clean documents.
        how: where the steps run; corpora that are drawn, not read, are prepared in this process.
        scratch: folder that keeps finished tasks after a kill, where `how` says other than `here`.

    Returns:
        The data card.

    Raises:
        DataError: nothing to read, unreadable, or nothing left after filtering.
        OSError: the disk is full. `out` is left empty on any error.
    """
    with tempfile.TemporaryDirectory(dir=out, prefix=".work-") as folder:
        work = Path(folder)
        (result := work / "result").mkdir()
        preparation = Preparation(
            options=options,
            reader_options=reader_options,
            name=name,
            source=source,
            files=source_files(source, options.pattern),
            work=work,
            result=result,
            progress=progress,
        )
        with collecting.rarely():
            card = _run(preparation, how, scratch or work, num_workers)
        for path in sorted(result.iterdir()):
            path.rename(out / path.name)
    return card


def _run(
    preparation: Preparation, how: Preparing, scratch: Path, num_workers: int
) -> dict[str, Any]:
    reader = items.load("corpus", preparation.options.reader)
    if how.executor == "here" or hasattr(reader, "finished"):
        return preparation.run(num_workers)
    from polyseme.data.scale import run

    return run.run(preparation, how, scratch=scratch, num_workers=num_workers)


def _check_pattern(pattern: str, *, where: str) -> None:
    """Raise when the glob is none, or matches files outside the source folder."""
    path = PurePosixPath(pattern)
    if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in pattern:
        raise ConfigError(
            f"{pattern!r} is no pattern inside the source folder",
            where=where,
            mend="write a relative glob without `..`, for example **/*.txt",
        )


def source_files(source: Path, pattern: str) -> list[Path]:
    """Files to read, in a fixed order.

    Raises:
        ConfigError: the pattern leaves the folder.
        DataError: there is none.
    """
    _check_pattern(pattern, where="pattern")
    if source.is_file():
        return [source]
    found = sorted(p for p in source.glob(pattern) if p.is_file() and p.name != MANIFEST)
    if not found:
        raise DataError(
            f"no file matches {pattern!r}", where=source, mend="check source and pattern in conf"
        )
    return found
