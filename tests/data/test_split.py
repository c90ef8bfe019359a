from __future__ import annotations

import hashlib
from collections import Counter

from polyseme.data.split import split_of


def doc_id(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()[:16]


def splits(numbers: range) -> dict[int, str]:
    return {n: split_of(doc_id(n), valid_fraction=0.1, test_fraction=0.2) for n in numbers}


def test_documents_keep_their_split_when_others_are_added() -> None:
    few, many = splits(range(100)), splits(range(-500, 2000))
    assert all(many[number] == split for number, split in few.items())


def test_fractions_are_about_right() -> None:
    counts = Counter(splits(range(5000)).values())
    assert abs(counts["valid"] / 5000 - 0.1) < 0.02
    assert abs(counts["test"] / 5000 - 0.2) < 0.02


def test_a_larger_fraction_only_moves_documents_out_of_train() -> None:
    small = {n: split_of(doc_id(n), valid_fraction=0.05, test_fraction=0.1) for n in range(500)}
    large = {n: split_of(doc_id(n), valid_fraction=0.15, test_fraction=0.1) for n in range(500)}
    assert all(large[n] == split for n, split in small.items() if split != "train")
