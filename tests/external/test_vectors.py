"""Files of word vectors, written by gensim, against what gensim reads."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from gensim.models import FastText, KeyedVectors
from gensim.models.fasttext import load_facebook_vectors, save_facebook_model
from tests.external.conftest import Import

from polyseme.models.common.subwords import SubwordTable
from polyseme.models.common.table import Table

WORDS = ["the", "Paris", "crack", "naïve", "東京", "paris", "</s>"]


@pytest.fixture
def vectors(random: np.random.Generator) -> KeyedVectors:
    made = KeyedVectors(5)
    made.add_vectors(WORDS, random.normal(size=(len(WORDS), 5)).astype(np.float32))
    return made


@pytest.fixture(scope="module")
def fasttext() -> FastText:
    sentences = [["crack", "wall", "wallpaper", "cracked"], ["wall", "naïve", "crack"]] * 5
    return FastText(
        sentences,
        vector_size=6,
        min_count=1,
        epochs=2,
        bucket=50,
        min_n=2,
        max_n=4,
        workers=1,
        seed=1,
    )


def _same(table: object, expected: KeyedVectors) -> None:
    assert isinstance(table, Table)
    assert table.words == expected.index_to_key
    found = table.encode([table.words])[0][0].numpy()
    assert np.array_equal(found, expected.vectors)


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("packed", [True, False])
def test_text_vectors_are_those_that_gensim_reads(
    tmp_path: Path, vectors: KeyedVectors, bring_in: Import, header: bool, packed: bool
) -> None:
    path = tmp_path / f"vectors.txt{'.gz' if packed else ''}"
    vectors.save_word2vec_format(str(path), write_header=header)
    table = bring_in("text_vectors", path, header=header, oov="zero")
    _same(table, KeyedVectors.load_word2vec_format(str(path), no_header=not header))


def test_trailing_spaces_of_word2vec_and_fasttext_are_no_numbers(
    tmp_path: Path, bring_in: Import
) -> None:
    path = tmp_path / "vectors.vec"
    path.write_text("2 2\na 1 2 \nb 3 4 \n")
    table = bring_in("text_vectors", path, header=True, oov="zero")
    assert table.encode([["b", "a"]])[0][0].tolist() == [[3, 4], [1, 2]]


def test_words_may_have_spaces_where_conf_says_so(tmp_path: Path, bring_in: Import) -> None:
    path = tmp_path / "glove.840B.txt"
    path.write_text("the 1 2\n. . . 3 4\n")
    table = bring_in("text_vectors", path, header=False, oov="zero", spaces_in_words=True)
    assert table.encode([[". . ."]])[0][0].tolist() == [[3, 4]]


@pytest.mark.parametrize("newlines", [True, False])
def test_binary_vectors_are_those_that_gensim_reads(
    tmp_path: Path, vectors: KeyedVectors, bring_in: Import, newlines: bool
) -> None:
    path = tmp_path / "vectors.bin"
    vectors.save_word2vec_format(str(path), binary=True)
    if newlines:  # as word2vec.c writes it
        with path.open("wb") as file:
            file.write(b"%d 5\n" % len(WORDS))
            for word in WORDS:
                file.write(word.encode() + b" " + vectors[word].tobytes() + b"\n")
    _same(bring_in("binary_vectors", path, oov="zero"), vectors)


def test_many_vectors_come_in_blocks(
    tmp_path: Path, bring_in: Import, random: np.random.Generator
) -> None:
    many = KeyedVectors(3)
    words = [f"w{n}" for n in range(9000)]
    many.add_vectors(words, random.normal(size=(9000, 3)).astype(np.float32))
    many.save_word2vec_format(str(tmp_path / "many.bin"), binary=True)
    many.save_word2vec_format(str(tmp_path / "many.txt"))
    _same(bring_in("binary_vectors", tmp_path / "many.bin", oov="zero"), many)
    _same(bring_in("text_vectors", tmp_path / "many.txt", oov="zero", header=True), many)
    some = bring_in("text_vectors", tmp_path / "many.txt", oov="mean", header=True, max_words=5000)
    assert isinstance(some, Table) and some.words == words[:5000]
    mean = some.encode([["w8999"]])[0][0, 0].numpy()
    assert np.allclose(mean, many.vectors[:5000].mean(0), atol=1e-5)


def test_arrays_are_read_with_their_words(
    tmp_path: Path, vectors: KeyedVectors, bring_in: Import
) -> None:
    np.save(tmp_path / "vectors.npy", vectors.vectors)
    words = tmp_path / "words.txt"
    words.write_text("\n".join(WORDS), encoding="utf-8")
    digest = hashlib.sha256(words.read_bytes()).hexdigest()
    options = {"oov": "zero", "words": str(words), "words_sha256": digest}
    _same(bring_in("array_vectors", tmp_path / "vectors.npy", **options), vectors)
    np.savez(tmp_path / "both.npz", vectors=vectors.vectors, words=np.array(WORDS))
    _same(bring_in("array_vectors", tmp_path / "both.npz", oov="zero"), vectors)


def test_fasttext_binary_spells_unknown_words_as_gensim_does(
    tmp_path: Path, fasttext: FastText, bring_in: Import
) -> None:
    path = tmp_path / "model.bin"
    save_facebook_model(fasttext, str(path))
    theirs = load_facebook_vectors(str(path))
    table = bring_in("fasttext_binary", path, oov="ngrams")
    assert isinstance(table, SubwordTable)
    words = [*theirs.index_to_key, "cracks", "unknown", "東", "x"]
    found = table.encode([["wall", "\n", *words], ["zzz"]])[0][0, 2:].numpy()
    expected = np.stack([theirs.get_vector(word) for word in words])
    assert np.abs(found - expected).max() <= 1e-6
    assert all(map(table.knows, words))


def test_the_ngrams_of_unknown_words_learn(
    tmp_path: Path, fasttext: FastText, bring_in: Import
) -> None:
    path = tmp_path / "model.bin"
    save_facebook_model(fasttext, str(path))
    table = bring_in("fasttext_binary", path, oov="ngrams")
    table(table.prepare([["crack", "unknown"]])).sum().backward()
    assert isinstance(table, SubwordTable)
    assert table.ngrams.weight.grad is not None and table.ngrams.weight.grad.abs().sum() > 0
    before = table.encode([["unknown"]])[0]
    table.reset(3)
    first = table.encode([["unknown", "crack"]])[0]
    table.reset(3)
    assert torch.equal(first, table.encode([["unknown", "crack"]])[0])
    assert not torch.equal(before, first[:, :1])


@pytest.mark.parametrize("oov", ["zero", "mean"])
def test_fasttext_binary_without_subwords_is_a_plain_table(
    tmp_path: Path, fasttext: FastText, bring_in: Import, oov: str
) -> None:
    path = tmp_path / "model.bin"
    save_facebook_model(fasttext, str(path))
    table = bring_in("fasttext_binary", path, oov=oov, max_words=2)
    assert type(table) is Table and len(table.words) == 2
    known = table.encode([table.words])[0][0]
    expected = known.mean(0) if oov == "mean" else torch.zeros(6)
    assert torch.allclose(table.encode([["unknown"]])[0][0, 0], expected)


@pytest.mark.parametrize(
    ("case", "known"),
    [
        ("as_is", {"Paris": True, "The": False, "CRACK": False}),
        ("lower", {"Paris": True, "The": True, "CRACK": True}),
        ("as_is_then_lower", {"Paris": True, "The": True, "CRACK": True}),
    ],
)
def test_the_form_that_is_looked_up_is_explicit(
    tmp_path: Path, vectors: KeyedVectors, bring_in: Import, case: str, known: dict[str, bool]
) -> None:
    path = tmp_path / "vectors.txt"
    vectors.save_word2vec_format(str(path))
    table = bring_in("text_vectors", path, header=True, oov="zero", case=case)
    assert {word: table.knows(word) for word in known} == known
    row = "paris" if case == "lower" else "Paris"
    assert np.array_equal(table.encode([["Paris"]])[0][0, 0].numpy(), vectors[row])


def test_pinned_files_come_from_the_mirror_and_stay(
    tmp_path: Path, vectors: KeyedVectors, bring_in: Import
) -> None:
    mirror = tmp_path / "mirror" / "mine"
    mirror.mkdir(parents=True)
    path = mirror / "vectors.txt.gz"
    vectors.save_word2vec_format(str(path))
    pinned = {
        "name": path.name,
        "size": path.stat().st_size,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    options = {"header": True, "oov": "zero", "files": [pinned]}
    _same(bring_in("text_vectors", **options), vectors)
    path.unlink()
    _same(bring_in("text_vectors", **options), vectors)


@pytest.mark.mirror
@pytest.mark.skipif("POLYSEME_MIRROR" not in os.environ, reason="no mirror")
def test_real_glove_text_is_read_as_gensim_reads_it(bring_in: Import) -> None:
    path = Path(os.environ["POLYSEME_MIRROR"]) / "fixture-glove-sample/glove.6B.100d.sample.txt.gz"
    table = bring_in("text_vectors", path, header=False, oov="zero")
    _same(table, KeyedVectors.load_word2vec_format(str(path), no_header=True))
