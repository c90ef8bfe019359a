"""The steps of corpus preparation.

Everything streams: what stays in memory for a document is its id (8 bytes), two flags and, while
duplicates are sought, the key and the order of one band of its signature (16 bytes, and as many
while they are sorted); text and signatures pass through files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from polyseme import items
from polyseme.corpora.base import Finishing, RawDocument
from polyseme.data import dedup, documents, spool, tokenizer
from polyseme.data.card import Tally, card
from polyseme.data.cleaning import ID_DIGITS, CleanDocument, Cleaner
from polyseme.data.counts import WordCounter
from polyseme.data.documents import Document, DocumentWriter
from polyseme.data.parallel import ordered_map
from polyseme.data.split import SPLITS, Split, split_of
from polyseme.data.spool import Packed, SpoolWriter
from polyseme.data.tokenizer import WordPieces
from polyseme.data.tokens import TokenWriter
from polyseme.data.words import normalizer
from polyseme.errors import DataError

if TYPE_CHECKING:
    from polyseme.data.corpus import Config

CHUNK_DOCUMENTS = 64
CHUNK_CHARACTERS = 400_000


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """One preparation of a corpus; see `polyseme.data.corpus.prepare` for the arguments."""

    options: Config
    reader_options: Any
    name: str
    source: Path
    files: list[Path]
    work: Path
    """Folder for what is not kept."""
    result: Path
    """Folder for the artifact's files."""
    progress: bool

    def run(self, num_workers: int) -> dict[str, Any]:
        """Do it all; returns the data card."""
        reader = items.load("corpus", self.options.reader)
        selected: Callable[[], Iterator[Document | Packed]]
        if hasattr(reader, "finished"):
            tally = Tally()
            how = Finishing(
                name=self.name,
                result=self.result,
                num_workers=num_workers,
                progress=self.progress,
                valid_fraction=self.options.valid_fraction,
                test_fraction=self.options.test_fraction,
            )
            splits = self._select(reader.finished(self.reader_options, self.source, how))
            tally.read = sum(counts["documents"] for counts in splits.values())
            selected = partial(documents.read, self.result / documents.FILE)
        else:
            tally = self._clean(num_workers)
            selected = partial(self._kept, kept := self.keep(tally))
            splits = self._select(one.unpacked() for one in self._kept(kept))
        pieces = self.learn(self._sample(selected(), splits["train"]["bytes"]))
        self._tokens(selected(), pieces, splits)
        made = card(
            name=self.name,
            options=self.options,
            source=self.source,
            files=self.files,
            tally=tally,
            splits=splits,
            pieces=pieces,
        )
        (self.result / "card.json").write_text(json.dumps(made, sort_keys=True, indent=1) + "\n")
        return made

    def cleaner(self) -> Cleaner:
        """What cleans documents, in any process."""
        return Cleaner(
            self.options.reader,
            self.reader_options,
            self.options.language,
            self.options.min_paragraph_words,
            self.options.min_document_words,
            self.options.shingle_words,
        )

    def _clean(self, num_workers: int) -> Tally:
        """Clean all documents in parallel; sentences and signatures go to files, in order."""
        tally = Tally()
        with ExitStack() as stack:
            bar = stack.enter_context(
                self._bar("clean", "B", sum(p.stat().st_size for p in self.files))
            )
            cleaned = stack.enter_context(SpoolWriter(self.work / spool.FILE))
            signatures = stack.enter_context((self.work / "signatures").open("wb"))
            # forked: nothing ran in parallel before, and imports take as long as a small corpus
            how: dict[str, Any] = {"num_workers": num_workers, "start": "fork"}
            for chunk in ordered_map(self.cleaner(), self._chunks(), **how):
                for found in filter(tally.passes, chunk):
                    cleaned.write(document_of(found, self.options))
                    signatures.write(found.signature)
                bar.update(chunk[-1].position - bar.n)
            bar.update((bar.total or 0) - bar.n)
        return tally

    def _chunks(self) -> Iterator[list[RawDocument]]:
        """Documents in bounded chunks; positions count from the first file."""
        reader, before = items.load("corpus", self.options.reader), 0
        chunk: list[RawDocument] = []
        characters = 0
        for path in self.files:
            for raw in reader.documents(self.reader_options, path):
                chunk.append(RawDocument(raw.title, raw.text, before + raw.position))
                characters += len(raw.text)
                if len(chunk) >= CHUNK_DOCUMENTS or characters >= CHUNK_CHARACTERS:
                    yield chunk
                    chunk, characters = [], 0
            before += path.stat().st_size
        if chunk:
            yield chunk

    def keep(self, tally: Tally) -> dedup.Bools:
        """Which documents stay, of the signatures in the work folder.

        Raises:
            DataError: there are no documents.
        """
        if not tally.ids:
            raise DataError(
                f"no document is left of {tally.read}: {tally.empty} empty or with "
                f"short paragraphs only, {tally.short} shorter than "
                f"{self.options.min_document_words} words",
                where=self.source,
                mend=f"lower corpus.{self.name}.min_document_words or min_paragraph_words, "
                "or check the source",
            )
        exact = dedup.exact_duplicates(np.frombuffer(tally.ids, dtype=np.uint64))
        near = dedup.near_duplicates(
            self.work / "signatures",
            len(tally.ids),
            exact,
            self.options.near_duplicate_threshold,
        )
        tally.exact, tally.near = int(exact.sum()), int(near.sum())
        return ~(exact | near)

    def _kept(self, kept: dedup.Bools) -> Iterator[Packed]:
        """The cleaned documents that are no duplicates."""
        found = spool.read(self.work / spool.FILE)
        return (one for keep, one in zip(kept, found, strict=True) if keep)

    def _select(self, kept: Iterable[Document]) -> dict[Split, dict[str, int]]:
        """Write the kept documents and the vocabulary; count by split."""
        normalize = Normalizer(lowercase=self.options.lowercase)
        counters = {split: WordCounter(self.work / split) for split in SPLITS}
        splits = {
            split: dict.fromkeys(("documents", "sentences", "words", "bytes"), 0)
            for split in SPLITS
        }
        bar = self._bar("select", "documents", None)
        with bar, DocumentWriter(self.result / documents.FILE) as writer:
            for document in kept:
                bar.update()
                writer.write(document)
                words = normalize(document)
                counters[document.split].update(words)
                counted = (1, *sizes(document, words))
                for key, size in zip(splits[document.split], counted, strict=True):
                    splits[document.split][key] += size
        self.check_splits(splits)
        for split in SPLITS:
            splits[split]["types"] = counters[split].num_types()
        self.write_vocabulary(counters["train"].most_common(self.options.max_types))
        return splits

    def check_splits(self, splits: Mapping[Split, Mapping[str, int]]) -> None:
        """Raise a DataError when a split has no documents."""
        for split in SPLITS:
            if not splits[split]["documents"]:
                total = sum(counts["documents"] for counts in splits.values())
                more = {
                    "text": "add documents, make them smaller (reader_options.document)",
                    "controlled": "raise reader_options.num_words",
                }.get(self.options.reader, "add documents")
                raise DataError(
                    f"no document of {total} fell into the {split} split",
                    where=self.source,
                    mend=f"{more}, or change corpus.{self.name}.valid_fraction and test_fraction",
                )

    def write_vocabulary(self, counts: list[tuple[str, int]]) -> None:
        """Write words with their counts."""
        schema = pa.schema([("word", pa.string()), ("count", pa.int64())])
        columns = {"word": [word for word, _ in counts], "count": [count for _, count in counts]}
        path = self.result / "vocabulary.parquet"
        pq.write_table(pa.table(columns, schema=schema), path, compression="zstd")

    def _sample(self, selected: Iterable[Document | Packed], train_bytes: int) -> Iterator[str]:
        """Sentences of whole documents of the train split, drawn by their ids."""
        share = self.options.tokenizer_sample_bytes / train_bytes
        for document in selected:
            if is_drawn(document, share):
                yield from map(" ".join, document.sentences)

    def learn(self, sample: Iterable[str]) -> WordPieces:
        """Train the tokenizer, and write it.

        Raises:
            DataError: the sample does not support so many pieces.
        """
        trained = tokenizer.train(
            sample,
            vocab_size=self.options.vocab_size,
            lowercase=self.options.lowercase,
            where=f"corpus.{self.name}.vocab_size",
        )
        trained.save(str(self.result / "tokenizer.json"))
        return WordPieces(trained)

    def _tokens(
        self,
        selected: Iterable[Document | Packed],
        pieces: WordPieces,
        splits: Mapping[Split, dict[str, int]],
    ) -> None:
        total = sum(counts["documents"] for counts in splits.values())
        with ExitStack() as stack:
            writers = {
                split: stack.enter_context(TokenWriter(self.result, split, pieces))
                for split in SPLITS
            }
            bar = stack.enter_context(self._bar("tokens", "documents", total))
            for document in selected:
                for sentence in document.sentences:
                    writers[document.split].write(sentence)
                bar.update()
        for split in SPLITS:
            splits[split]["tokens"] = writers[split].num_tokens

    def _bar(self, what: str, unit: str, total: int | None) -> tqdm[None]:
        return tqdm(
            total=total,
            desc=f"{self.name}: {what}",
            unit=unit,
            unit_scale=unit == "B",
            disable=not self.progress,
        )


class Normalizer:
    """Words of documents as the tokenizer normalises them."""

    def __init__(self, *, lowercase: bool) -> None:
        normalize = normalizer(lowercase=lowercase).normalize_str
        self._normalize = lru_cache(tokenizer.CACHED_WORDS)(normalize)
        self._ascii = str.lower if lowercase else str

    def __call__(self, document: Document) -> list[str]:
        """All words of a document."""
        words: list[str] = []
        for sentence in document.sentences:
            text = " ".join(sentence)
            if text.isascii():  # several times as fast; an empty sentence has no words
                words += self._ascii(text).split(" ") if sentence else []
            else:
                words += map(self._normalize, sentence)
        return words


def sizes(document: Document, words: Sequence[str]) -> tuple[int, int, int]:
    """Sentences, words, and bytes of a document's normalised words with one space each."""
    return len(document.sentences), len(words), len("".join(words).encode()) + len(words)


def document_of(found: CleanDocument, options: Config) -> Packed:
    """The cleaned document, with its split."""
    split = split_of(
        found.doc_id,
        valid_fraction=options.valid_fraction,
        test_fraction=options.test_fraction,
    )
    return Packed(found.doc_id, found.title, split, found.text)


def is_drawn(document: Document | Packed, share: float) -> bool:
    """Whether the tokenizer learns from the document; its first digits have decided the split."""
    drawn = int(document.doc_id[::-1], 16) / 16**ID_DIGITS
    return document.split == "train" and drawn < share
