"""From a raw document to sentences of words: the part of preparation that runs in workers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal

from polyseme import items
from polyseme.corpora.base import RawDocument
from polyseme.data.dedup import signature
from polyseme.data.documents import pack, unpack
from polyseme.data.text import normalize, normalize_all
from polyseme.data.words import WordSplitter
from polyseme.runtime import collecting

Dropped = Literal["", "empty", "short"]
ID_DIGITS = 16


_load = lru_cache(8)(items.load)  # which looks at the folder of readers each time


@dataclass(frozen=True, slots=True)
class CleanDocument:
    """A document after cleaning; `dropped` names the filter that it fell to."""

    title: str
    position: int
    dropped: Dropped
    doc_id: str = ""
    """First 16 hexadecimal digits of the sha256 of the normalised text."""
    text: str = ""
    """Sentences of words, see documents.py."""
    signature: bytes = b""

    @property
    def sentences(self) -> list[list[str]]:
        """Sentences of words."""
        return unpack(self.text)


@dataclass(frozen=True)
class Cleaner:
    """Clean chunks of documents; picklable, and pure.

    Args:
        reader: module in polyseme.corpora.
        options: its Config.
        language: for sentence splitting.
        min_paragraph_words: shorter paragraphs are left out.
        min_document_words: shorter documents are dropped.
        shingle_words: of the signature.
    """

    reader: str
    options: Any
    language: str
    min_paragraph_words: int
    min_document_words: int
    shingle_words: int

    @cached_property
    def _splitter(self) -> WordSplitter:
        return WordSplitter(self.language)

    def __call__(self, chunk: Sequence[RawDocument]) -> list[CleanDocument]:
        """Clean each document of a chunk."""
        with collecting.rarely():
            return [self._clean(raw) for raw in chunk]

    def _clean(self, raw: RawDocument) -> CleanDocument:
        title = normalize(raw.title)
        text, sentences = hashlib.sha256(), []
        for paragraph in normalize_all(_load("corpus", self.reader).clean(self.options, raw)):
            found = self._splitter.sentences([paragraph])
            if sum(map(len, found)) >= self.min_paragraph_words:
                text.update(paragraph.encode() + b"\n")
                sentences.extend(found)
        words = [word for sentence in sentences for word in sentence]
        if len(words) < self.min_document_words:
            return CleanDocument(title, raw.position, "short" if words else "empty")
        return CleanDocument(
            title,
            raw.position,
            "",
            text.hexdigest()[:ID_DIGITS],
            pack(sentences),
            signature(words, shingle_words=self.shingle_words).astype("<u4").tobytes(),
        )
