"""Articles of the dump that a corpus was prepared from, with what preparation leaves out.

Links and categories are lost in the prepared corpus, so they are read from the dump. Each article
is cleaned as the corpus cleaned it, which gives it the same id and so the same split: only text of
`train` was pre-trained on. Near-duplicates, which the corpus drops, are not looked for here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from polyseme.config import build
from polyseme.corpora import mediawiki
from polyseme.corpora.base import RawDocument
from polyseme.data import corpus
from polyseme.data.cleaning import Cleaner
from polyseme.data.split import Split as SplitName
from polyseme.data.split import split_of
from polyseme.errors import ConfigError

READER = "mediawiki"


class Article(NamedTuple):
    """An article as the dump has it, its split and its sentences as the corpus has them."""

    raw: RawDocument
    split: SplitName
    sentences: list[list[str]]


def reader_options(options: corpus.Config, *, key: str) -> mediawiki.Config:
    """Options of the dump's reader.

    Args:
        key: of the corpus in the task's conf, for messages.

    Raises:
        ConfigError: the corpus is none of a dump.
    """
    if options.reader != READER:
        raise ConfigError(
            f"the reader is {options.reader!r}, not {READER!r}",
            where=key,
            mend="name a corpus that is read from a MediaWiki dump",
        )
    return build(mediawiki.Config, options.reader_options, file=key)


def articles(options: corpus.Config, source: Path, *, key: str) -> Iterator[Article]:
    """Articles that passed the filters of the corpus, in the order of the dump, each once.

    Raises:
        DataError: no file, or one that cannot be read.
    """
    reading = reader_options(options, key=key)
    cleaner = Cleaner(
        READER,
        reading,
        options.language,
        options.min_paragraph_words,
        options.min_document_words,
        options.shingle_words,
    )
    files = corpus.source_files(source, options.pattern)
    seen = set()
    for raw in (raw for path in files for raw in mediawiki.documents(reading, path)):
        (found,) = cleaner([raw])
        if not found.dropped and found.doc_id not in seen:
            seen.add(found.doc_id)
            split = split_of(
                found.doc_id,
                valid_fraction=options.valid_fraction,
                test_fraction=options.test_fraction,
            )
            yield Article(raw, split, list(found.sentences))
