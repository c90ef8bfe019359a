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
from hashlib import sha1
from itertools import accumulate
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
SHA1_WORDS = 5  # of 32 bits; the first is the hash of a shingle
ROWS_AT_ONCE = 2**16


def signature(words: Sequence[str], *, shingle_words: int) -> Signature:
    """MinHash signature of a document.

    Args:
        words: all words, in order; casing is ignored.
        shingle_words: n of the n-grams; a shorter document is one n-gram.

    Returns:
        uint32 array of NUM_HASHES.
    """
    lower = [word.lower().encode() for word in words]
    text, stops = b" ".join(lower), list(accumulate(len(word) + 1 for word in lower))
    last = stops[shingle_words - 1 :] or stops[-1:] or [1]
    shingles = [(start, stop - 1) for start, stop in zip([0, *stops], last, strict=False)]
    sketch = _empty().copy()
    for first in range(0, len(shingles), SHINGLES_AT_ONCE):
        some = shingles[first : first + SHINGLES_AT_ONCE]
        digests = [sha1(text[start:stop]).digest() for start, stop in some]  # noqa: S324
        sketch.update_batch(np.frombuffer(b"".join(digests), "<u4")[::SHA1_WORDS].tolist())
    return np.asarray(sketch.hashvalues, dtype=np.uint32)


@cache
def _empty() -> MinHash:
    return MinHash(NUM_HASHES, seed=1, hashfunc=int)  # hashed already, as datasketch does it


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
