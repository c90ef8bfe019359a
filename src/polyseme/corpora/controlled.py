"""The controlled language: documents that are drawn from a grammar, with the truth about them.

Unlike other readers this one gives finished documents (see base.py): their sentences, words and
splits are decided where they are drawn. Beside the corpus stand the truth (language/gold.py) and,
in `language/`, the grammar and its parameters, so that every task can be made from the corpus
alone.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import count
from pathlib import Path

import pyarrow as pa
from tqdm import tqdm

from polyseme.config import build
from polyseme.corpora.base import Finishing
from polyseme.data.documents import Document
from polyseme.data.parallel import ordered_map
from polyseme.data.split import Split
from polyseme.errors import ConfigError, DataError
from polyseme.language import gold, grammar, lexicon
from polyseme.language.source import Config, Source

__all__ = ["Config", "finished", "language"]

LANGUAGE, OPTIONS = "language", "options.json"
CHUNK = 250
"""Documents of a task for a worker, at most."""
WORDS_FOR_EACH = 2000
"""A task has a document for so many words of the corpus: a small one ends near its size."""


@lru_cache(maxsize=1)
def _source(folder: Path, options: Config) -> Source:
    """Built once in each process."""
    return Source(folder, options)


@dataclass(frozen=True)
class Drawing:
    """Draws chunks of documents; picklable, and pure."""

    folder: Path
    options: Config
    valid_fraction: float
    test_fraction: float

    def __call__(self, numbers: range) -> tuple[pa.Table, dict[Split, bytes]]:
        """Table and CoNLL-U of some documents."""
        source = _source(self.folder, self.options)
        made = [source.document(n, self.valid_fraction, self.test_fraction) for n in numbers]
        return gold.table(made), gold.conllu(made)


def finished(options: Config, source: Path, how: Finishing) -> Iterator[Document]:
    """Draw documents until there are enough words; the truth goes to files beside them.

    Raises:
        DataError: the grammar cannot be used.
        ConfigError: more workers than documents.
    """
    drawing = Drawing(source, options, how.valid_fraction, how.test_fraction)
    _source(source, options)  # an error in the grammar is told by this process, at once
    if how.num_workers * options.max_sentences > options.num_words:
        raise ConfigError(
            f"num_workers = {how.num_workers} are more than {options.num_words} words need",
            where="conf/runtime",
            mend="lower runtime.num_workers, or raise reader_options.num_words",
        )
    size = max(1, min(CHUNK, options.num_words // WORDS_FOR_EACH))
    chunks = (range(start, start + size) for start in count(0, size))
    drawn = ordered_map(drawing, chunks, num_workers=how.num_workers)
    _keep_language(source, options, how.result / LANGUAGE)
    num_words = 0
    with (
        gold.Writer(how.result) as writer,
        tqdm(
            total=options.num_words,
            desc=f"{how.name}: draw",
            unit="word",
            unit_scale=True,
            disable=not how.progress,
        ) as bar,
    ):
        for rows, texts in drawn:
            words = writer.write(rows, texts)
            bar.update(words)
            yield from _documents(rows)
            num_words += words
            if num_words >= options.num_words:
                drawn.close()  # workers have gone ahead
                break


def _keep_language(source: Path, options: Config, folder: Path) -> None:
    folder.mkdir()
    for name in (lexicon.WORDS, lexicon.SENSES, grammar.GRAMMAR):
        shutil.copyfile(source / name, folder / name)
    text = json.dumps(asdict(options), indent=1, sort_keys=True)
    (folder / OPTIONS).write_text(text + "\n")


def language(corpus: Path) -> Source:
    """The source from which a prepared corpus was drawn.

    Raises:
        DataError: the corpus is no controlled one.
    """
    folder = corpus / LANGUAGE
    if not folder.is_dir():
        raise DataError(
            "is no corpus of the controlled language", where=corpus, mend="check `source` in conf"
        )
    options = build(Config, json.loads((folder / OPTIONS).read_text()), file=str(folder / OPTIONS))
    return Source(folder, options)


def _documents(rows: pa.Table) -> Iterator[Document]:
    """Consecutive sentences of one document, joined."""
    current: Document | None = None
    for doc_id, split, topic, words in zip(
        *(rows[name].to_pylist() for name in ("doc_id", "split", "topic", "words")), strict=True
    ):
        if current is None or current.doc_id != doc_id:
            if current:
                yield current
            current = Document(doc_id, topic, split, [])
        current.sentences.append(words)
    if current:
        yield current
