"""Exact and near-duplicate documents.

Exact: the same document id, which is a hash of the normalised text. Near: MinHash signatures over
word n-grams (Broder 1997; datasketch computes them), compared when they agree in one band of
locality-sensitive hashing. Departures from the text-dedup tools: candidates are confirmed by the
similarity that their whole signatures estimate (so a chance band costs nothing), and clusters are
not merged transitively: a document goes when it resembles an *earlier* one, and the first stays.

Memory: signatures lie on disk; one band is grouped at a time, with 8 bytes a document for its key,
8 for the order, and about as many again while it is sorted (`growth_limits` measures them). Nothing
depends on the number of workers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import blake2b
from pathlib import Path

import numpy as np
import numpy.typing as npt
from datasketch import MinHash

Bools = npt.NDArray[np.bool_]
Signature = npt.NDArray[np.uint32]

NUM_HASHES = 128
"""Standard deviation of an estimated similarity: at most 0.044."""
RECALL = 0.99
"""Chance that a pair at the threshold shares a band."""
SHINGLES_AT_ONCE = 500  # arrays that fit a processor's cache
KEPT_WORDS = 2**18
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
MIXING = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))  # those of splitmix64
ROWS_AT_ONCE = 2**16


def signature(words: Sequence[str], *, shingle_words: int) -> Signature:
    """MinHash signature of a document.

    Args:
        words: all words, in order, without spaces; casing is ignored.
        shingle_words: n of the n-grams; a shorter document is one n-gram.

    Returns:
        uint32 array of NUM_HASHES.
    """
    hashes, sketch = shingle_hashes(words, shingle_words), _sketch()
    sketch.clear()
    for first in range(0, len(hashes), SHINGLES_AT_ONCE):
        sketch.update_batch([hashes[first : first + SHINGLES_AT_ONCE]])
    return np.asarray(sketch.hashvalues, dtype=np.uint32)


def shingle_hashes(words: Sequence[str], shingle_words: int) -> npt.NDArray[np.uint32]:
    """One hash a word n-gram, of the hashes of its words: a polynomial over 64 bits, mixed.

    Hashing words, not n-grams, leaves a look-up a word; all else is arithmetic on arrays. Equal
    n-grams have equal hashes, and others the same one about as often as chance has it.
    """
    lower = " ".join(words).lower().split(" ") if words else []
    hashes = np.fromiter(map(_word_hashes().__getitem__, lower), np.uint64, len(words))
    size = max(1, min(shingle_words, len(words)))
    found = np.zeros(max(1, len(words) - size + 1), dtype=np.uint64)
    for place in range(min(size, len(words))):
        found = found * MULTIPLIER + hashes[place : place + len(found)]
    for factor in MIXING:
        found = (found ^ (found >> np.uint64(32))) * factor
    return (found >> np.uint64(32)).astype(np.uint32)


class _WordHashes(dict[str, int]):
    """First 64 bits of the blake2b of a word, of a bounded number of words."""

    def __missing__(self, word: str) -> int:
        if len(self) >= KEPT_WORDS:
            self.clear()
        digest = blake2b(word.encode(), digest_size=8).digest()
        self[word] = found = int.from_bytes(digest, "little")
        return found


@cache
def _word_hashes() -> _WordHashes:
    return _WordHashes()


@cache
def _sketch() -> MinHash:
    return MinHash(NUM_HASHES, seed=1, hashfunc=_hashed_already)


def _hashed_already(hashes: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    return hashes


def exact_duplicates(ids: npt.NDArray[np.uint64]) -> Bools:
    """True for each document whose id an earlier one has."""
    order = np.argsort(ids, kind="stable")
    repeated = np.zeros(len(ids), dtype=np.bool_)
    repeated[order[_alike(ids, order)]] = True
    return repeated


def _alike(keys: npt.NDArray[np.uint64], order: npt.NDArray[np.int64]) -> Bools:
    """Whether a place of the order has the key of the place before; in blocks, to save memory."""
    alike = np.zeros(len(order), dtype=np.bool_)
    for start in range(0, len(order), ROWS_AT_ONCE):
        part = keys[order[start : start + ROWS_AT_ONCE + 1]]
        alike[start + 1 : start + len(part)] = part[1:] == part[:-1]
    return alike


def rows_per_band(threshold: float) -> int:
    """Most selective band that still finds a pair at the threshold with chance RECALL."""
    sizes = [rows for rows in range(1, NUM_HASHES + 1) if NUM_HASHES % rows == 0]
    found = [rows for rows in sizes if 1 - (1 - threshold**rows) ** (NUM_HASHES // rows) >= RECALL]
    return max(found)


def near_duplicates(path: Path, num_documents: int, skip: Bools, threshold: float) -> Bools:
    """True for each document that resembles an earlier one.

    Args:
        path: raw little-endian uint32 signatures, NUM_HASHES a document, in document order.
        skip: documents that are out already: not compared, never True in the result.
        threshold: Jaccard similarity of the n-gram sets from which two documents are duplicates.
    """
    shape = (num_documents, NUM_HASHES)
    signatures = np.memmap(path, dtype="<u4", mode="r", shape=shape) if num_documents else None
    duplicate = np.zeros(num_documents, dtype=np.bool_)
    if signatures is None:
        return duplicate
    rows = rows_per_band(threshold)
    for first in range(0, NUM_HASHES, rows):
        keys = _band_keys(path, num_documents, slice(first, first + rows))
        for group in _groups(keys, skip | duplicate):
            _mark(signatures, group, threshold, duplicate)
    return duplicate


def _band_keys(path: Path, num_documents: int, columns: slice) -> npt.NDArray[np.uint64]:
    """One 64-bit key a document for a band; read in blocks, so that no pages stay mapped."""
    keys = np.empty(num_documents, dtype=np.uint64)
    with path.open("rb") as file:
        for start in range(0, num_documents, ROWS_AT_ONCE):
            stop = min(start + ROWS_AT_ONCE, num_documents)
            block = np.fromfile(file, dtype="<u4", count=(stop - start) * NUM_HASHES)
            band = block.reshape(-1, NUM_HASHES)[:, columns].astype(np.uint64)
            key = np.full(stop - start, 14695981039346656037, dtype=np.uint64)
            for column in band.T:  # FNV-1a, a word at a time
                key = (key ^ column) * np.uint64(1099511628211)
            keys[start:stop] = key
    return keys


def _groups(keys: npt.NDArray[np.uint64], skip: Bools) -> Iterator[npt.NDArray[np.int64]]:
    """Documents that share a key, two or more, each group in document order."""
    order = np.argsort(keys, kind="stable")
    order = order[~skip[order]]
    alike = np.append(_alike(keys, order), False)
    starts = np.flatnonzero(alike[1:] & ~alike[:-1])
    stops = np.flatnonzero(alike[:-1] & ~alike[1:]) + 1
    for start, stop in zip(starts, stops, strict=True):
        yield order[start:stop]


def _mark(
    signatures: npt.NDArray[np.uint32],
    group: npt.NDArray[np.int64],
    threshold: float,
    duplicate: Bools,
) -> None:
    """Mark the members of a group that resemble an earlier member."""
    while len(group) > 1:
        first, rest = group[0], group[1:]
        alike = np.concatenate(
            [
                (signatures[block] == signatures[first]).mean(axis=1) >= threshold
                for block in np.array_split(rest, -(-len(rest) // ROWS_AT_ONCE))
            ]
        )
        duplicate[rest[alike]] = True
        group = rest[~alike]
