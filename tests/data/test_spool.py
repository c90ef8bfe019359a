"""Documents come back from the spool as they were written."""

from __future__ import annotations

import gc
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyseme.data import documents, spool
from polyseme.data.documents import Document, Packed, pack
from polyseme.data.spool import SpoolWriter
from polyseme.data.steps import Normalizer, Selecting, sizes
from polyseme.data.words import normalizer
from polyseme.runtime import collecting

WORD = st.text(st.characters(codec="utf-8"), min_size=1).map(lambda t: "".join(t.split()))
SENTENCES = st.lists(st.lists(WORD.filter(bool), min_size=1, max_size=4), max_size=4)


DOCUMENTS = st.lists(
    st.tuples(SENTENCES.filter(bool), st.sampled_from(["train", "valid", "test"])), max_size=4
)


def unpacked(one: Packed) -> Document:
    return Document(one.doc_id, one.title, one.split, one.sentences)


@given(SENTENCES)
def test_sentences_are_unpacked_as_they_were(sentences: list[list[str]]) -> None:
    assert documents.unpack(pack(sentences)) == sentences
    packed = Packed("00", "t", "train", pack(sentences))
    assert Packed.of(unpacked(packed)) == packed
    assert packed.num_sentences == len(sentences)
    assert packed.num_words == sum(map(len, sentences))


@given(SENTENCES, st.booleans())
def test_sizes_are_those_of_the_normalised_words(
    sentences: list[list[str]], lowercase: bool
) -> None:
    words = [normalizer(lowercase=lowercase).normalize_str(w) for s in sentences for w in s]
    normalize = Normalizer(lowercase=lowercase)
    assert [normalize(word) for s in sentences for word in s] == words
    if words:
        num_bytes = sum(len(word.encode()) + 1 for word in words)
        packed = Packed("00", "t", "train", pack(sentences))
        assert sizes(packed, normalize) == (len(sentences), len(words), num_bytes)


@given(DOCUMENTS, st.booleans())
def test_a_group_is_written_and_counted_as_its_documents_one_by_one(
    drawn: list[tuple[list[list[str]], Any]], lowercase: bool
) -> None:
    group = [Packed(f"{i:016x}", f"t{i}", split, pack(s)) for i, (s, split) in enumerate(drawn)]
    rows, found = Selecting(lowercase)(group)
    assert rows.schema == documents.SCHEMA
    assert [Document(**row) for row in rows.to_pylist()] == list(map(unpacked, group))
    normalize = Normalizer(lowercase=lowercase)
    for split in ("train", "valid", "test"):
        mine = [one for one in group if one.split == split]
        assert (split in found) == bool(mine)
        if mine:
            sums = np.array([(1, *sizes(one, normalize)) for one in mine]).sum(axis=0)
            assert found[split].sums == tuple(sums)
            words = [normalize(word) for one in mine for s in one.sentences for word in s]
            assert found[split].words == Counter(words)


@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_groups_end_where_their_words_are_enough(
    monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(documents, "GROUP_WORDS", limit)
    found = [Packed(f"{i:016x}", "", "train", " ".join("abcde"[: i % 5 + 1])) for i in range(20)]
    groups = list(documents.grouped(found))
    assert [one for group in groups for one in group] == found
    for group in groups[:-1]:
        sizes_ = [one.num_words for one in group]
        assert sum(sizes_[:-1]) < limit <= sum(sizes_)


@pytest.mark.parametrize("group", [1, 40, 10**6])
def test_documents_come_in_order_from_any_number_of_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: int
) -> None:
    monkeypatch.setattr(spool, "GROUP_CHARACTERS", group)
    written = [Packed(f"{i:016x}", f"t{i}", "valid", f"word {i}\nof it") for i in range(30)]
    with SpoolWriter(tmp_path / spool.FILE) as writer:
        for document in written:
            writer.write(document)
    assert list(spool.read(tmp_path / spool.FILE)) == written


def test_the_search_for_cycles_is_as_before_afterwards() -> None:
    before = gc.get_threshold()
    with pytest.raises(ZeroDivisionError), collecting.rarely():
        assert gc.get_threshold()[0] == collecting.OBJECTS
        1 / 0  # noqa: B018
    assert gc.get_threshold() == before
