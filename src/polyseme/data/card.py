"""The data card: what a corpus is made of, and what was left out."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polyseme.data.cleaning import CleanDocument
from polyseme.data.split import Split
from polyseme.data.tokenizer import WordPieces
from polyseme.data.tokens import token_dtype

if TYPE_CHECKING:
    from polyseme.data.corpus import Config


@dataclass
class Tally:
    """Counts of documents on their way, and the ids of those that passed the filters."""

    ids: array[int] = field(default_factory=lambda: array("Q"))
    read: int = 0
    empty: int = 0
    short: int = 0
    exact: int = 0
    near: int = 0

    def passes(self, found: CleanDocument) -> bool:
        """Count the document; whether it passed the filters."""
        self.read += 1
        self.empty += found.dropped == "empty"
        self.short += found.dropped == "short"
        if not found.dropped:
            self.ids.append(int(found.doc_id, 16))
        return not found.dropped


def card(
    *,
    name: str,
    options: Config,
    source: Path,
    files: list[Path],
    tally: Tally,
    splits: Mapping[Split, Mapping[str, int]],
    pieces: WordPieces,
) -> dict[str, Any]:
    """The card of a prepared corpus.

    Args:
        splits: documents, sentences, words, types, bytes and tokens of each split. Bytes are those
            of the normalised words in UTF-8, with one space each; tokens include [CLS] and [SEP].
    """
    total = {key: sum(counts[key] for counts in splits.values()) for key in splits["train"]}
    del total["types"]  # splits share types
    subwords = total["tokens"] - 2 * total["sentences"]
    return {
        "name": name,
        "reader": options.reader,
        "language": options.language,
        "licence": options.licence,
        "lowercase": options.lowercase,
        "source": [_source(path, source) for path in files],
        "documents_read": tally.read,
        "dropped": {"empty": tally.empty, "short": tally.short},
        "duplicates_removed": {"exact": tally.exact, "near": tally.near},
        "splits": splits,
        "total": total,
        "vocab_size": pieces.vocab_size,
        "dtype": token_dtype(pieces.vocab_size).str,
        "bytes_per_word": round(total["bytes"] / total["words"], 4),
        "subwords_per_word": round(subwords / total["words"], 4),
    }


def _source(path: Path, source: Path) -> dict[str, Any]:
    """Name, size and sha256 of a source file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    name = path.name if path == source else path.relative_to(source).as_posix()
    return {"file": name, "size": path.stat().st_size, "sha256": digest}
