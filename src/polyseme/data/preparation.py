"""The steps of corpus preparation.

Everything streams: what stays in memory for a document is its id (8 bytes), two flags and, while
duplicates are sought, the key and the order of one band of its signature (16 bytes, and as many
while they are sorted); text and signatures pass through files.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from polyseme import items
from polyseme.corpora.base import Finishing, RawDocument
from polyseme.data import dedup, documents, tokenizer
from polyseme.data.card import Tally, card
from polyseme.data.cleaning import ID_DIGITS, CleanDocument, Cleaner
from polyseme.data.counts import WordCounter
from polyseme.data.documents import Document, DocumentWriter
from polyseme.data.parallel import ordered_map
from polyseme.data.split import SPLITS, Split, split_of
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
        else:
            tally = self._clean(num_workers)
            splits = self._select(self._kept(self._keep(tally)))
        pieces = self._tokenizer(splits["train"]["bytes"])
        self._tokens(pieces, splits)
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

    def _clean(self, num_workers: int) -> Tally:
        """Clean all documents in parallel; sentences and signatures go to files, in order."""
        options, tally = self.options, Tally()
        cleaner = Cleaner(
            options.reader,
            self.reader_options,
            options.language,
            options.min_paragraph_words,
            options.min_document_words,
            options.shingle_words,
        )
        with ExitStack() as stack:
            bar = stack.enter_context(
                self._bar("clean", "B", sum(p.stat().st_size for p in self.files))
            )
            spool = stack.enter_context(DocumentWriter(self.work / documents.FILE))
            signatures = stack.enter_context((self.work / "signatures").open("wb"))
            chunks = self._chunks()
            for chunk in ordered_map(cleaner, chunks, num_workers=num_workers):
                for document in chunk:
                    self._spool(document, tally, spool)
                    signatures.write(document.signature)
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

    def _spool(self, document: CleanDocument, tally: Tally, spool: DocumentWriter) -> None:
        tally.read += 1
        tally.empty += document.dropped == "empty"
        tally.short += document.dropped == "short"
        if document.dropped:
            return
        split = split_of(
            document.doc_id,
            valid_fraction=self.options.valid_fraction,
            test_fraction=self.options.test_fraction,
        )
        tally.ids.append(int(document.doc_id, 16))
        spool.write(Document(document.doc_id, document.title, split, list(document.sentences)))

    def _keep(self, tally: Tally) -> dedup.Bools:
        """Which documents stay."""
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

    def _kept(self, kept: dedup.Bools) -> Iterator[Document]:
        """The cleaned documents that are no duplicates."""
        found = self._read(self.work, "select", len(kept))
        return (document for keep, document in zip(kept, found, strict=True) if keep)

    def _select(self, kept: Iterable[Document]) -> dict[Split, dict[str, int]]:
        """Write the kept documents and the vocabulary; count by split."""
        normalize = lru_cache(tokenizer.CACHED_WORDS)(
            normalizer(lowercase=self.options.lowercase).normalize_str
        )
        counters = {split: WordCounter(self.work / split) for split in SPLITS}
        splits = {
            split: dict.fromkeys(("documents", "sentences", "words", "bytes"), 0)
            for split in SPLITS
        }
        with DocumentWriter(self.result / documents.FILE) as writer:
            for document in kept:
                writer.write(document)
                words = [normalize(w) for sentence in document.sentences for w in sentence]
                counters[document.split].update(words)
                counts = splits[document.split]
                counts["documents"] += 1
                counts["sentences"] += len(document.sentences)
                counts["words"] += len(words)
                counts["bytes"] += sum(len(word.encode()) + 1 for word in words)
        self._check_splits(splits)
        for split in SPLITS:
            splits[split]["types"] = counters[split].num_types()
        self._vocabulary(counters["train"].most_common(self.options.max_types))
        return splits

    def _check_splits(self, splits: Mapping[Split, Mapping[str, int]]) -> None:
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

    def _vocabulary(self, counts: list[tuple[str, int]]) -> None:
        schema = pa.schema([("word", pa.string()), ("count", pa.int64())])
        columns = {"word": [word for word, _ in counts], "count": [count for _, count in counts]}
        path = self.result / "vocabulary.parquet"
        pq.write_table(pa.table(columns, schema=schema), path, compression="zstd")

    def _tokenizer(self, train_bytes: int) -> WordPieces:
        """Train on a sample of whole documents, drawn by their ids."""
        share = min(1.0, self.options.tokenizer_sample_bytes / train_bytes)

        def sample() -> Iterator[str]:
            for document in documents.read(self.result / documents.FILE):
                # the last digits: the first ones have decided the split
                drawn = int(document.doc_id[::-1], 16) / 16**ID_DIGITS < share
                if document.split == "train" and drawn:
                    yield from map(" ".join, document.sentences)

        trained = tokenizer.train(
            sample(),
            vocab_size=self.options.vocab_size,
            lowercase=self.options.lowercase,
            where=f"corpus.{self.name}.vocab_size",
        )
        trained.save(str(self.result / "tokenizer.json"))
        return WordPieces(trained)

    def _tokens(self, pieces: WordPieces, splits: Mapping[Split, dict[str, int]]) -> None:
        total = sum(counts["documents"] for counts in splits.values())
        with ExitStack() as stack:
            writers = {
                split: stack.enter_context(TokenWriter(self.result, split, pieces))
                for split in SPLITS
            }
            for document in self._read(self.result, "tokens", total):
                for sentence in document.sentences:
                    writers[document.split].write(sentence)
        for split in SPLITS:
            splits[split]["tokens"] = writers[split].num_tokens

    def _read(self, folder: Path, what: str, total: int) -> Iterator[Document]:
        with self._bar(what, "documents", total) as bar:
            for document in documents.read(folder / documents.FILE):
                yield document
                bar.update()

    def _bar(self, what: str, unit: str, total: int) -> tqdm[None]:
        return tqdm(
            total=total,
            desc=f"{self.name}: {what}",
            unit=unit,
            unit_scale=unit == "B",
            disable=not self.progress,
        )
