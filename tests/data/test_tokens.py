from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyseme.data import steps
from polyseme.data.tokenizer import CLS, SEP, WordPieces
from polyseme.data.tokens import (
    CONTINUATION,
    FIRST,
    SPECIAL,
    Encoded,
    TokenStore,
    TokenWriter,
    encode,
    token_dtype,
)
from polyseme.errors import DataError

WORDS = ["there", "xyzzy", "crack"]


def encoded(sentences: list[list[str]], pieces: WordPieces) -> Encoded:
    words = pa.array([word for sentence in sentences for word in sentence], pa.string())
    return encode(words, np.array(list(map(len, sentences)), dtype=np.int64), pieces)


@pytest.fixture
def folder(tmp_path: Path, pieces: WordPieces) -> Path:
    with TokenWriter(tmp_path, "train") as writer:
        writer.add(encoded([WORDS], pieces))
        writer.add(encoded([WORDS[:1]], pieces))
    counts = {"tokens": writer.num_tokens, "words": 4}
    card = {"dtype": token_dtype(pieces.vocab_size).str, "splits": {"train": counts}}
    (tmp_path / "card.json").write_text(json.dumps(card))
    return tmp_path


def test_sentences_and_word_alignment_can_be_read_back(folder: Path, pieces: WordPieces) -> None:
    store = TokenStore.open(folder, "train")
    ids = [i for word in WORDS for i in pieces.ids(word)]
    assert store.tokens.tolist() == [CLS, *ids, SEP, CLS, *pieces.ids("there"), SEP]
    assert store.num_tokens == len(store.tokens) == len(store.flags)
    assert store.num_words == int((store.flags == FIRST).sum()) == 4
    assert ((store.flags == SPECIAL) == np.isin(store.tokens, [CLS, SEP])).all()
    inner = len(pieces.ids("xyzzy"))
    start = 1 + len(pieces.ids("there"))
    assert store.flags[start : start + inner].tolist() == [FIRST] + [CONTINUATION] * (inner - 1)
    assert isinstance(store.tokens, np.memmap)


SOME = st.lists(st.sampled_from([*WORDS, "naïve", " ", "東京", "a"]), min_size=1, max_size=5)


@given(st.lists(SOME, max_size=6))
def test_sentences_are_encoded_as_word_by_word(
    pieces: WordPieces, sentences: list[list[str]]
) -> None:
    found, one_by_one = encoded(sentences, pieces), TokenStore.of(sentences, pieces)
    assert found.tokens == one_by_one.tokens.tobytes()
    assert found.flags == one_by_one.flags.tobytes()
    if sentences:
        halves = [sentences[: len(sentences) // 2], sentences[len(sentences) // 2 :]]
        lengths = [TokenStore.of(half, pieces).num_tokens for half in halves if half]
        numbers = [len(half) for half in halves if half]
        assert steps.document_lengths(found, numbers).tolist() == lengths


@pytest.mark.parametrize("suffix", ["tokens", "flags"])
@pytest.mark.parametrize("change", [b"", b"longer" * 100])
def test_sizes_must_agree(folder: Path, suffix: str, change: bytes) -> None:
    path = folder / f"train.{suffix}"
    path.write_bytes(path.read_bytes()[:-2] + change)
    with pytest.raises(DataError, match=f"train.{suffix}: .* bytes instead of"):
        TokenStore.open(folder, "train")


def test_a_folder_without_card_or_split_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"card.json"):
        TokenStore.open(folder, "test")
    (folder / "card.json").unlink()
    with pytest.raises(DataError, match=r"card.json"):
        TokenStore.open(folder, "train")


@pytest.mark.parametrize(("vocab_size", "dtype"), [(65_535, "<u2"), (65_536, "<u4")])
def test_ids_fit_their_type(vocab_size: int, dtype: str) -> None:
    assert token_dtype(vocab_size).str == dtype
