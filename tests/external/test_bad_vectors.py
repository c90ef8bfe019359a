"""Files of word vectors that cannot be used: one clear line each, nothing half-imported."""

from __future__ import annotations

import hashlib
import os
import pickle
import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gensim.models import FastText, KeyedVectors, Word2Vec
from gensim.models.fasttext import save_facebook_model
from tests.external.conftest import Import

from polyseme import items
from polyseme.config import build
from polyseme.errors import ConfigError, PolysemeError
from polyseme.models.external.common.source import digest
from polyseme.models.external.common.vectors import GENSIM

GOOD = "the 1 2\na 3 4\n"
OUTPUT = 1 + 16 + 3 * 4 * 4 + 4
"""Bytes of the output matrix of the fastText model below, and of the value before it."""


def _refused(bring_in: Import, module: str, path: Path, *parts: str, **values: Any) -> None:
    with pytest.raises(PolysemeError) as caught:
        bring_in(module, path, **({"oov": "zero"} | values))
    line = str(caught.value)
    assert "\n" not in line
    assert all(part in line for part in parts), line
    assert caught.value.mend


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("the 1 2\na 3\n", ["vectors.txt:2", "1 numbers after the word, not 2"]),
        ("the 1 2\na 3 4 5\n", ["vectors.txt:2", "3 numbers", "spaces_in_words"]),
        ("the 1 2\n\nb 3 4\n", ["vectors.txt:2", "0 numbers"]),
        ("the 1 2\na 3 x\n", ["vectors.txt:2", "the vector of 'a' is not 2 numbers"]),
        ("the 1 2\na 3 4\nthe 5 6\n", ["vectors.txt:3", "'the'", "line 1", "duplicates: first"]),
        ("the 1 2\na nan 4\n", ["vectors.txt:2", "'a'", "not finite"]),
        ("the 1 2\na 3 1e999\n", ["vectors.txt:2", "'a'", "not finite"]),
        ("2 2\nthe 1 2\na 3 4\n", ["vectors.txt:1", "header: true"]),
        ("the 1\t2 3\na  4\n", ["vectors.txt:1", "the vector of 'the' is not 2 numbers"]),
        ("the  4\na 1\t2 3\n", ["vectors.txt:1", "the vector of 'the' is not 2 numbers"]),
        ("the 1 2\na\f 3\n", ["vectors.txt:2", "1 numbers after the word, not 2"]),
        ("the\na\n", ["0 dimensions"]),
        (" 1 2\n", ["vectors.txt:1", "no word"]),
        ("", ["is empty"]),
    ],
)
def test_bad_text_without_header(
    tmp_path: Path, bring_in: Import, text: str, parts: list[str]
) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text(text)
    _refused(bring_in, "text_vectors", path, *parts, header=False)


@pytest.mark.parametrize(
    ("header", "parts"),
    [
        ("3 2", ["promises 3 words, it has 2"]),
        ("1 2", ["promises 1 words, it has 2"]),
        ("2 3", ["vectors.txt:2", "2 numbers after the word, not 3"]),
        ("2 1", ["vectors.txt:2", "2 numbers after the word, not 1"]),
        ("2 999999999", ["999,999,999 dimensions"]),
        ("the 1 2", ["vectors.txt:1", "no header", "header: false"]),
    ],
)
@pytest.mark.parametrize("max_words", [None, 1])
def test_a_header_that_lies(
    tmp_path: Path, bring_in: Import, header: str, parts: list[str], max_words: int | None
) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text(f"{header}\n{GOOD}")
    _refused(bring_in, "text_vectors", path, *parts, header=True, max_words=max_words)


@pytest.mark.parametrize("change", ["more", "fewer", "cut", "dim", "latin", "twice", "nan"])
def test_bad_binary_vectors(tmp_path: Path, bring_in: Import, change: str) -> None:
    path = tmp_path / "vectors.bin"
    made = KeyedVectors(3)
    made.add_vectors(["the", "naïve"], np.ones((2, 3), np.float32))
    made.save_word2vec_format(str(path), binary=True)
    good = path.read_bytes()
    first = good[4:]
    nan = np.float32("nan").tobytes()
    changed, parts = {
        "more": (good.replace(b"2 3\n", b"3 3\n"), ["promises 3 words, it has 2"]),
        "fewer": (good.replace(b"2 3\n", b"1 3\n"), ["promises 1 words, it has 2"]),
        "cut": (good[:-5], ["word 2", "truncated"]),
        "dim": (good.replace(b"2 3\n", b"2 0\n"), ["0 dimensions"]),
        "latin": (good.replace("ï".encode(), b"\xef"), ["word 2", "not UTF-8"]),
        "twice": (b"4 3\n" + first + first, ["word 3", "'the' was there before, at word 1"]),
        "nan": (good[:-4] + nan, ["word 2", "'naïve'", "not finite"]),
    }[change]
    path.write_bytes(changed)
    _refused(bring_in, "binary_vectors", path, *parts)


def test_an_archive_is_no_text(tmp_path: Path, bring_in: Import) -> None:
    path = tmp_path / "vectors.txt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("glove.txt", GOOD)
    _refused(bring_in, "text_vectors", path, "compressed", "unpack it: unzip old", header=False)


@pytest.mark.parametrize("names", [["a.zip"], ["a.txt", "b.txt"]])
def test_files_without_a_path_are_one_line(
    tmp_path: Path, bring_in: Import, names: list[str]
) -> None:
    mirror = tmp_path / "mirror" / "mine"
    mirror.mkdir(parents=True)
    pinned = []
    for name in names:
        path = mirror / name
        if name.endswith(".zip"):
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("vectors.txt", GOOD)
        else:
            path.write_text(GOOD)
        facts = {"name": name, "size": path.stat().st_size, "sha256": digest(path)}
        pinned.append(facts | ({"archive": True} if name.endswith(".zip") else {}))
    with pytest.raises(PolysemeError, match="is a folder; name a file as `path` in conf/external"):
        bring_in("text_vectors", files=pinned, header=False, oov="zero")


def test_a_pipe_is_not_waited_for(tmp_path: Path, bring_in: Import) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    nothing = hashlib.sha256().hexdigest()
    _refused(bring_in, "text_vectors", path, "is no file", header=False, sha256=nothing)


def test_words_that_are_not_utf8(tmp_path: Path, bring_in: Import) -> None:
    path = tmp_path / "vectors.txt"
    path.write_bytes("the 1 2\nnaïve 3 4\n".encode("latin-1"))
    _refused(bring_in, "text_vectors", path, "byte 10", "not UTF-8", "iconv", header=False)


def test_other_bytes_than_conf_promises(tmp_path: Path, bring_in: Import) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text(GOOD)
    wrong = "0" * 64
    _refused(
        bring_in, "text_vectors", path, f"expected sha256 {wrong}", "conf/external/mine.yaml",
        header=False, sha256=wrong,
    )  # fmt: skip
    gone = tmp_path / "gone.txt"
    _refused(bring_in, "text_vectors", gone, "does not exist", "conf/external", header=False)


@pytest.mark.parametrize("model", [Word2Vec, FastText])
@pytest.mark.parametrize("whole", [True, False])
def test_the_command_converts_both_formats_of_gensim(
    in_tmp: Path, model: type[Word2Vec], whole: bool
) -> None:
    made = model([["crack", "wall"]], vector_size=3, min_count=1, workers=1)
    (made if whole else made.wv).save("old")
    code = re.fullmatch(r'python -c "(.*)"', GENSIM)
    assert code is not None
    exec(code[1], {})
    found = KeyedVectors.load_word2vec_format("new.bin", binary=True)
    assert np.array_equal(found["crack"], made.wv["crack"])


@pytest.mark.parametrize("module", ["text_vectors", "binary_vectors", "fasttext_binary"])
def test_a_pickle_is_not_read(tmp_path: Path, bring_in: Import, module: str) -> None:
    path = tmp_path / "vectors.kv"
    path.write_bytes(pickle.dumps({"a": [1.0]}))
    options = {"header": False} if module == "text_vectors" else {}
    _refused(bring_in, module, path, "is a pickle", "convert it", "save_word2vec_format", **options)


def test_pickled_arrays_are_not_read(tmp_path: Path, bring_in: Import) -> None:
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    _refused(bring_in, "array_vectors", tmp_path / "a.npy", "Python objects", "np.savez")
    words = np.array(["a"], dtype=object)
    np.savez(tmp_path / "b.npz", vectors=np.ones((1, 2), np.float32), words=words)
    _refused(bring_in, "array_vectors", tmp_path / "b.npz", "allow_pickle=False", "np.savez")


@pytest.mark.parametrize(
    ("arrays", "parts"),
    [
        ({"vectors": np.ones((2, 3)), "words": np.array(["a"])}, ["2 vectors, but 1 words"]),
        ({"vectors": np.ones((2, 3))}, ["no array", "words"]),
        ({"vectors": np.ones(3), "words": np.array(["a"])}, ["shape [3]"]),
        ({"vectors": np.ones((2, 3)), "words": np.array(["a", "a"])}, ["word 2", "'a'"]),
        ({"vectors": np.ones((2, 3), int), "words": np.array(["a", "b"])}, ["int64"]),
        ({"vectors": np.full((1, 3), 1e300), "words": np.array(["a"])}, ["word 1", "not finite"]),
        ({"vectors": np.ones((1, 3)), "words": np.array([b"a"])}, ["words are |S1"]),
        ({"vectors": np.ones((1, 3)), "words": np.array([1])}, ["words are int64"]),
        ({"vectors": np.ones((1, 3)), "words": np.array([["a", "b"]])}, ["shape [1, 2]"]),
        ({"vectors": np.ones((1, 3)), "words": np.array("a")}, ["shape []"]),
        ({"vectors": np.ones((2, 3)), "words": np.array(["a", ""])}, ["word 2", "is empty"]),
        ({"vectors": np.ones((1, 3)), "words": np.array(["\ud800"])}, ["surrogates"]),
    ],
)
def test_arrays_that_do_not_fit(
    tmp_path: Path, bring_in: Import, arrays: dict[str, np.ndarray], parts: list[str]
) -> None:
    np.savez(tmp_path / "vectors.npz", **arrays)
    _refused(bring_in, "array_vectors", tmp_path / "vectors.npz", *parts)


def _npy(header: str) -> bytes:
    line = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(line)) + line


HUGE = _npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 300), }")


@pytest.mark.parametrize(
    ("members", "parts"),
    [
        ({"vectors": b"text", "words": b"text"}, ["has no array 'vectors'"]),
        ({"vectors.npy": b"text", "words.npy": b"text"}, ["has no array 'vectors'"]),
        ({"vectors.npy": HUGE, "words.npy": HUGE}, ["no array of numbers", "allocate"]),
        ({"vectors.npy": _npy("{'descr': '<f4', 'shape': (3, 2"), "words.npy": b""}, ["EOF"]),
    ],
)
def test_members_that_are_no_arrays(
    tmp_path: Path, bring_in: Import, members: dict[str, bytes], parts: list[str]
) -> None:
    path = tmp_path / "vectors.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    _refused(bring_in, "array_vectors", path, *parts)


@pytest.mark.parametrize(
    ("mark", "offset", "new"),
    [
        (b"vectors.npy", 31, b"\xff\xff\xff"),  # in the compressed data
        (b"PK\x01\x02", 8, b"\x01"),  # encrypted
        (b"PK\x01\x02", 10, b"\x63"),  # compressed in an unknown way
    ],
)
def test_a_damaged_npz_is_one_line(
    tmp_path: Path, bring_in: Import, mark: bytes, offset: int, new: bytes
) -> None:
    path = tmp_path / "vectors.npz"
    np.savez_compressed(path, vectors=np.ones((1, 3)), words=np.array(["a"]))
    good = path.read_bytes()
    at = good.index(mark) + offset
    path.write_bytes(good[:at] + new + good[at + len(new) :])
    _refused(bring_in, "array_vectors", path, "no array of numbers")


def test_a_blank_line_is_no_word(tmp_path: Path, bring_in: Import) -> None:
    np.save(tmp_path / "vectors.npy", np.ones((3, 2), np.float32))
    words = tmp_path / "words.txt"
    words.write_text("a\n\nc\n")
    options = {"words": str(words), "words_sha256": digest(words)}
    path = tmp_path / "vectors.npy"
    _refused(bring_in, "array_vectors", path, "word 2", "is empty", **options)


@pytest.fixture(scope="module")
def facebook(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("fasttext") / "model.bin"
    sentences = [["crack", "crock", "naïve"]] * 3
    save_facebook_model(
        FastText(sentences, vector_size=4, min_count=1, epochs=1, bucket=20, workers=1), str(path)
    )
    return path.read_bytes()


def test_a_fasttext_file_cut_anywhere_is_refused(
    tmp_path: Path, bring_in: Import, facebook: bytes
) -> None:
    path = tmp_path / "model.bin"
    for length in range(1, len(facebook), 7):
        path.write_bytes(facebook[:length])
        _refused(bring_in, "fasttext_binary", path, "truncated")


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (lambda b: b"\0" + b[1:], ["no fastText model", "text_vectors"]),
        (lambda b: b + b"\0", ["more bytes"]),
        (lambda b: b.replace("ï".encode(), b"\xef\xef"), ["not UTF-8", "word"]),
        (lambda b: b.replace(b"crock\0", b"crack\0"), ["'crack' was there before"]),
        (lambda b: b[:-OUTPUT] + np.float32("nan").tobytes() + b[4 - OUTPUT :], ["not finite"]),
    ],
)
def test_bad_fasttext_files(
    tmp_path: Path,
    bring_in: Import,
    facebook: bytes,
    change: Callable[[bytes], bytes],
    parts: list[str],
) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(change(facebook))
    _refused(bring_in, "fasttext_binary", path, *parts, oov="ngrams")


PINNED = {"name": "a", "size": 1, "sha256": "0" * 64}


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        ({"path": "a"}, ["sha256"]),
        ({"path": "a", "sha256": "abc"}, ["external.mine.sha256"]),
        ({}, ["`path` with `sha256`"]),
        ({"path": "/etc/passwd", "files": [PINNED]}, ["a path inside the folder"]),
        ({"path": "b/../../a", "files": [PINNED]}, ["a path inside the folder"]),
        ({"path": "a", "sha256": "0" * 64, "oov": None}, ["external.mine.oov"]),
        ({"path": "a", "sha256": "0" * 64, "max_words": 0}, ["max_words"]),
        ({"path": "a", "sha256": "0" * 64, "dims": 3}, ["unknown key 'external.mine.dims'"]),
    ],
)
def test_a_conf_file_that_pins_nothing_is_refused(values: dict[str, Any], parts: list[str]) -> None:
    values = {"module": "text_vectors", "header": True, "oov": "zero"} | values
    values = {key: value for key, value in values.items() if value is not None}
    with pytest.raises(ConfigError) as caught:
        module = items.load("external", "text_vectors")
        build(module.Config, values, file="conf/external/mine.yaml", key="external.mine")
    assert all(re.escape(part) and part in str(caught.value) for part in parts), str(caught.value)
