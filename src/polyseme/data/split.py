"""Split by a hash of the document: a document keeps its split when others come or go."""

from __future__ import annotations

from typing import Literal

Split = Literal["train", "valid", "test"]
SPLITS: tuple[Split, ...] = ("train", "valid", "test")


def split_of(doc_id: str, *, valid_fraction: float, test_fraction: float) -> Split:
    """Split of the document whose id (hexadecimal, uniform) is `doc_id`."""
    place = int(doc_id, 16) / 16 ** len(doc_id)
    if place < test_fraction:
        return "test"
    return "valid" if place < test_fraction + valid_fraction else "train"
