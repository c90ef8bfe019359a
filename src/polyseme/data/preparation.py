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
from polyseme.data.documents import DocumentWriter, Packed
from polyseme.data.parallel import HERE, Workers
from polyseme.data.split import SPLITS, Split, split_of
from polyseme.data.spool import SpoolWriter
from polyseme.data.steps import COUNTED, Encoding, Selecting
from polyseme.data.tokenizer import WordPieces
from polyseme.data.tokens import TokenWriter
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
        # forked: nothing ran in parallel before, and imports take as long as a small corpus
        with Workers(num_workers, start="fork") as workers:
            reader = items.load("corpus", self.options.reader)
            if hasattr(reader, "finished"):
                tally = Tally()
                splits = self.select(self._drawn(reader, num_workers), HERE)
                tally.read = sum(counts["documents"] for counts in splits.values())
            else:
                tally = self.clean(workers)
                splits = self.select(self.kept(self.keep(tally)), workers)
            pieces = self.learn(self.sample(splits["train"]["bytes"]))
            self.tokens(splits, workers)
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

    def _drawn(self, reader: Any, num_workers: int) -> Iterator[Packed]:
        """Documents of a reader that gives finished ones."""
        how = Finishing(
            name=self.name,
            result=self.result,
            num_workers=num_workers,
            progress=self.progress,
            valid_fraction=self.options.valid_fraction,
            test_fraction=self.options.test_fraction,
        )
        return map(Packed.of, reader.finished(self.reader_options, self.source, how))

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

    def clean(self, workers: Workers) -> Tally:
        """Clean all documents in parallel; sentences and signatures go to files, in order."""
        tally = Tally()
        with ExitStack() as stack:
            bar = stack.enter_context(
                self._bar("clean", "B", sum(p.stat().st_size for p in self.files))
            )
            cleaned = stack.enter_context(SpoolWriter(self.work / spool.FILE))
            signatures = stack.enter_context((self.work / "signatures").open("wb"))
            for chunk in workers.map(self.cleaner(), self._chunks()):
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

    def kept(self, keep: dedup.Bools) -> Iterator[Packed]:
        """The cleaned documents that are no duplicates."""
        found = spool.read(self.work / spool.FILE)
        return (one for kept, one in zip(keep, found, strict=True) if kept)

    def select(self, kept: Iterable[Packed], workers: Workers) -> dict[Split, dict[str, int]]:
        """Write the kept documents and the vocabulary; count by split."""
        counters = {split: WordCounter(self.work / split) for split in SPLITS}
        splits = {split: dict.fromkeys(COUNTED, 0) for split in SPLITS}
        step = Selecting(self.options.lowercase)
        bar = self._bar("select", "documents", None)
        with bar, DocumentWriter(self.result / documents.FILE) as writer:
            for rows, found in workers.map(step, documents.grouped(kept)):
                writer.write_group(rows)
                for split, counted in found.items():
                    counters[split].update(counted.words)
                    for key, size in zip(COUNTED, counted.sums, strict=True):
                        splits[split][key] += size
                bar.update(rows.num_rows)
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

    def sample(self, train_bytes: int) -> Iterator[str]:
        """Sentences of whole documents of the train split, drawn by their ids."""
        share = self.options.tokenizer_sample_bytes / train_bytes
        for rows in documents.read_groups(self.result / documents.FILE):
            ids, splits = rows["doc_id"].to_pylist(), rows["split"].to_pylist()
            drawn = [is_drawn(*pair, share) for pair in zip(ids, splits, strict=True)]
            for sentences in rows["sentences"].filter(pa.array(drawn)).to_pylist():
                yield from map(" ".join, sentences)

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

    def tokens(self, splits: Mapping[Split, dict[str, int]], workers: Workers) -> None:
        """Write tokens and flags of the kept documents; note how many there are."""
        total = sum(counts["documents"] for counts in splits.values())
        step = Encoding(self.result / "tokenizer.json")
        groups = documents.read_groups(self.result / documents.FILE, ("split", "sentences"))
        with ExitStack() as stack:
            writers = {
                split: stack.enter_context(TokenWriter(self.result, split)) for split in SPLITS
            }
            bar = stack.enter_context(self._bar("tokens", "documents", total))
            for num_rows, found in workers.map(step, groups):
                for split, encoded in found:
                    writers[split].add(encoded)
                bar.update(num_rows)
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


def document_of(found: CleanDocument, options: Config) -> Packed:
    """The cleaned document, with its split."""
    split = split_of(
        found.doc_id,
        valid_fraction=options.valid_fraction,
        test_fraction=options.test_fraction,
    )
    return Packed(found.doc_id, found.title, split, found.text)


def is_drawn(doc_id: str, split: Split, share: float) -> bool:
    """Whether the tokenizer learns from the document; its first digits have decided the split."""
    return split == "train" and int(doc_id[::-1], 16) / 16**ID_DIGITS < share
