"""Documents come back from the spool as they were written."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyseme.data import spool
from polyseme.data.preparation import Normalizer, sizes
from polyseme.data.spool import Packed, SpoolWriter
from polyseme.data.words import normalizer
from polyseme.runtime import collecting

WORD = st.text(st.characters(codec="utf-8"), min_size=1).map(lambda t: "".join(t.split()))
SENTENCES = st.lists(st.lists(WORD.filter(bool), min_size=1, max_size=4), max_size=4)


@given(SENTENCES)
def test_sentences_are_unpacked_as_they_were(sentences: list[list[str]]) -> None:
    assert spool.unpack(spool.pack(sentences)) == sentences


@given(SENTENCES, st.booleans())
def test_words_are_normalised_one_by_one(sentences: list[list[str]], lowercase: bool) -> None:
    document = Packed("00", "t", "train", spool.pack(sentences)).unpacked()
    words = [normalizer(lowercase=lowercase).normalize_str(w) for s in sentences for w in s]
    assert Normalizer(lowercase=lowercase)(document) == words
    num_bytes = sum(len(word.encode()) + 1 for word in words)
    assert sizes(document, words) == (len(sentences), len(words), num_bytes)


@pytest.mark.parametrize("group", [1, 40, 10**6])
def test_documents_come_in_order_from_any_number_of_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: int
) -> None:
    monkeypatch.setattr(spool, "GROUP_CHARACTERS", group)
    documents = [Packed(f"{i:016x}", f"t{i}", "valid", f"word {i}\nof it") for i in range(30)]
    with SpoolWriter(tmp_path / spool.FILE) as writer:
        for document in documents:
            writer.write(document)
    assert list(spool.read(tmp_path / spool.FILE)) == documents


def test_the_search_for_cycles_is_as_before_afterwards() -> None:
    before = gc.get_threshold()
    with pytest.raises(ZeroDivisionError), collecting.rarely():
        assert gc.get_threshold()[0] == collecting.OBJECTS
        1 / 0  # noqa: B018
    assert gc.get_threshold() == before
