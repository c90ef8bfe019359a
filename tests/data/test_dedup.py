from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from datasketch import MinHash

from polyseme.data import dedup

WORDS = [f"word{i}" for i in range(3000)]


def write(path: Path, documents: list[list[str]]) -> Path:
    signatures = [dedup.signature(words, shingle_words=3) for words in documents]
    np.stack(signatures).astype("<u4").tofile(path)
    return path


def document(random: np.random.Generator, length: int = 200) -> list[str]:
    return [WORDS[i] for i in random.integers(len(WORDS), size=length)]


def altered(words: list[str], every: int) -> list[str]:
    return ["other" if i % every == 0 else word for i, word in enumerate(words)]


def test_signatures_estimate_the_similarity_of_shingles() -> None:
    random = np.random.default_rng(0)
    words = document(random, 500)
    other = altered(words, 20)

    def shingles(w: list[str]) -> set[tuple[str, ...]]:
        return {tuple(w[i : i + 3]) for i in range(len(w) - 2)}

    true = len(shingles(words) & shingles(other)) / len(shingles(words) | shingles(other))
    pair = [dedup.signature(w, shingle_words=3) for w in (words, other)]
    assert float((pair[0] == pair[1]).mean()) == pytest.approx(true, abs=0.13)


def _hash(shingle: list[str]) -> int:
    """As `shingle_hashes` has it, in whole numbers of Python."""
    found, limit = 0, 2**64
    for word in shingle:
        digest = hashlib.blake2b(word.lower().encode(), digest_size=8).digest()
        found = (found * 0x9E3779B97F4A7C15 + int.from_bytes(digest, "little")) % limit
    for factor in (0xBF58476D1CE4E5B9, 0x94D049BB133111EB):
        found = (found ^ (found >> 32)) * factor % limit
    return found >> 32


@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 1200])
def test_a_signature_is_datasketch_s_of_the_shingles(length: int) -> None:
    words = ["Straße" if i % 7 == 0 else WORDS[i] for i in range(length)]
    expected = MinHash(dedup.NUM_HASHES, seed=1, hashfunc=_hash)
    for start in range(max(1, length - 2)):
        expected.update(words[start : start + 3])
    found = dedup.signature(words, shingle_words=3)
    assert found.tolist() == expected.hashvalues.tolist()


def test_hashes_of_shingles_are_as_good_as_chance() -> None:
    words = [str(number) for number in np.random.default_rng(0).integers(50, size=60_000)]
    hashes = dedup.shingle_hashes(words, 3)
    shingles = [tuple(words[i : i + 3]) for i in range(len(words) - 2)]
    assert dict(zip(shingles, hashes, strict=True)) == {
        shingle: hashes[i] for i, shingle in enumerate(shingles)
    }  # equal ones are equal
    different = len(set(shingles))
    assert different - len(set(hashes.tolist())) <= 3  # expected: 0.2 of 47,000 in 32 bits
    bits = np.unpackbits(np.unique(hashes).view(np.uint8)).reshape(-1, 32).mean(axis=0)
    assert np.abs(bits - 0.5).max() < 0.02  # five standard errors


def test_words_in_another_order_are_another_shingle() -> None:
    assert len({*dedup.shingle_hashes(list("abcabc"), 3).tolist()}) == 3  # abc, bca, cab
    assert dedup.shingle_hashes(["ab", "c"], 2) != dedup.shingle_hashes(["a", "bc"], 2)


def test_the_memory_of_words_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    words = document(np.random.default_rng(1), 2000)
    whole = dedup.signature(words, shingle_words=3)
    monkeypatch.setattr(dedup, "KEPT_WORDS", 10)
    dedup._word_hashes().clear()
    assert (dedup.signature(words, shingle_words=3) == whole).all()
    assert len(dedup._word_hashes()) <= 10


def test_long_documents_are_sketched_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    words = document(np.random.default_rng(0), 1000)
    whole = dedup.signature(words, shingle_words=3)
    monkeypatch.setattr(dedup, "SHINGLES_AT_ONCE", 7)
    assert (dedup.signature(words, shingle_words=3) == whole).all()


def test_later_near_duplicates_go_and_the_first_stays(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    originals = [document(random) for _ in range(50)]
    copies = [altered(words, 60) for words in originals[::2]]  # Jaccard about 0.9
    path = write(tmp_path / "s", [*originals, *copies])
    found = dedup.near_duplicates(path, 75, np.zeros(75, dtype=bool), 0.7)
    assert not found[:50].any()
    assert found[50:].all()


def test_less_similar_documents_stay(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    originals = [document(random) for _ in range(50)]
    path = write(tmp_path / "s", [*originals, *[altered(words, 6) for words in originals]])
    assert not dedup.near_duplicates(path, 100, np.zeros(100, dtype=bool), 0.7).any()


def test_documents_that_are_out_already_are_not_compared(tmp_path: Path) -> None:
    words = document(np.random.default_rng(0))
    path = write(tmp_path / "s", [words, words])
    skip = np.array([True, False])
    assert not dedup.near_duplicates(path, 2, skip, 0.7).any()
    assert dedup.near_duplicates(path, 2, ~skip & skip, 0.7).tolist() == [False, True]


def test_a_chance_member_of_a_band_hides_no_duplicates(tmp_path: Path) -> None:
    rows = dedup.rows_per_band(0.7)
    signatures = np.zeros((3, dedup.NUM_HASHES), dtype="<u4")
    signatures[0, rows:] = 1  # the first document shares only band 0 with the other two,
    signatures[2, rows::rows] = 2  # which agree in most places, but in no other whole band
    signatures.tofile(tmp_path / "s")
    found = dedup.near_duplicates(tmp_path / "s", 3, np.zeros(3, dtype=bool), 0.7)
    assert found.tolist() == [False, False, True]


def test_blocks_on_disk_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    originals = [document(random) for _ in range(10)]
    path = write(tmp_path / "s", [*originals, *originals])
    expected = dedup.near_duplicates(path, 20, np.zeros(20, dtype=bool), 0.7)
    monkeypatch.setattr(dedup, "ROWS_AT_ONCE", 3)
    assert (dedup.near_duplicates(path, 20, np.zeros(20, dtype=bool), 0.7) == expected).all()
    assert expected.sum() == 10


def test_exact_duplicates_keep_the_first() -> None:
    ids = np.array([5, 3, 5, 5, 3, 9], dtype=np.uint64)
    assert dedup.exact_duplicates(ids).tolist() == [False, False, True, True, True, False]


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.9, 1.0])
def test_bands_find_pairs_at_the_threshold(threshold: float) -> None:
    rows = dedup.rows_per_band(threshold)
    assert 1 - (1 - threshold**rows) ** (dedup.NUM_HASHES // rows) >= dedup.RECALL


def test_groups_are_those_of_equal_keys_in_document_order(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    keys = random.integers(0, 40, size=200).astype(np.uint64)
    skip = random.random(200) < 0.3
    monkeypatch.setattr(dedup, "ROWS_AT_ONCE", 7)
    expected = [
        [n for n in range(200) if keys[n] == key and not skip[n]] for key in np.unique(keys)
    ]
    found = [group.tolist() for group in dedup._groups(keys, skip)]
    assert found == [group for group in expected if len(group) > 1]


def test_a_document_takes_few_bytes_while_duplicates_are_sought() -> None:
    num = 200_000
    keys = np.random.default_rng(0).permutation(num).astype(np.uint64)
    none = np.zeros(num, dtype=bool)
    assert peak_bytes(lambda: dedup.exact_duplicates(keys)) / num < 16
    assert peak_bytes(lambda: list(dedup._groups(keys, none))) / num < 22


def peak_bytes(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
