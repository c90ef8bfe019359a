"""Vectors on disk: those of the representation, whole, never too many, and gone without harm."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from polyseme.data.tokenizer import WordPieces
from polyseme.data.words import Glued
from polyseme.errors import DataError
from polyseme.models.base import Representation
from polyseme.models.common.table import Table
from polyseme.transfer.features import FeatureCache, Kind

WORDS = [f"w{i}" for i in range(40)]
TEXTS = [["w1", "w2"], [], ["w3"], ["w1"] * 70, ["unknown", "w5"]]
ROOM = 2**20


class Counted:
    """Gives a table, and counts how often it is asked for one."""

    def __init__(self, pieces: WordPieces) -> None:
        self.table, self.calls = Table(WORDS, 8, pieces, "zero"), 0
        self.table.reset(0)

    def __call__(self) -> Representation:
        self.calls += 1
        return self.table


def _equal(found: list[torch.Tensor], wanted: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))


def test_vectors_are_encoded_once_and_are_those_of_the_representation(
    pieces: WordPieces, tmp_path: Path
) -> None:
    load, cache = Counted(pieces), FeatureCache({"weights": 1}, ROOM, tmp_path)
    wanted = load.table.encode(TEXTS)
    assert _equal(cache.encode(load, TEXTS), wanted)
    assert _equal(cache.encode(load, TEXTS), wanted)
    assert load.calls == 1
    assert _equal(FeatureCache({"weights": 2}, ROOM, tmp_path).encode(load, TEXTS), wanted)
    assert _equal(cache.encode(load, TEXTS[:2]), wanted[:2])
    assert load.calls == 3


def test_texts_that_differ_in_their_spaces_are_kept_apart(
    pieces: WordPieces, tmp_path: Path
) -> None:
    load, cache = Counted(pieces), FeatureCache({}, ROOM, tmp_path)
    for text in (["w1", "w2"], ["w1", Glued("w2")], ["w1", "w2"]):
        cache.encode(load, [text])
    assert load.calls == 2


@pytest.mark.parametrize("what", ["flipped", "short", "without note", "note is no json", "gone"])
def test_a_damaged_file_is_made_again(pieces: WordPieces, tmp_path: Path, what: str) -> None:
    load, cache = Counted(pieces), FeatureCache({}, ROOM, tmp_path)
    wanted = load.table.encode(TEXTS)
    cache.encode(load, TEXTS)
    (path,), (note,) = tmp_path.glob("*.npy"), tmp_path.glob("*.json")
    content = bytearray(path.read_bytes())
    if what == "flipped":
        content[-2] ^= 4
        path.write_bytes(bytes(content))
    elif what == "short":
        path.write_bytes(bytes(content[:-8]))
    elif what == "without note":
        note.unlink()
    elif what == "note is no json":
        note.write_text("{")
    else:
        path.unlink()
    assert _equal(cache.encode(load, TEXTS), wanted)
    assert load.calls == 2
    assert _equal(cache.encode(load, TEXTS), wanted)
    assert load.calls == 2


def test_the_longest_unused_go_first_and_what_is_mapped_stays_readable(
    pieces: WordPieces, tmp_path: Path
) -> None:
    load = Counted(pieces)
    texts = [[["w1"] * 100, [f"w{n}"]] for n in range(4)]
    size = 101 * 8 * 4 + 128
    cache = FeatureCache({}, 2 * size, tmp_path)
    first = cache.encode(load, texts[0])
    kept = [h.clone() for h in first]
    cache.encode(load, texts[1])
    cache.encode(load, texts[0])  # used again
    cache.encode(load, texts[2])
    assert sum(path.stat().st_size for path in tmp_path.glob("*.npy")) <= 2 * size
    calls = load.calls
    cache.encode(load, texts[0])
    assert load.calls == calls
    cache.encode(load, texts[1])
    assert load.calls == calls + 1
    for path in tmp_path.iterdir():
        path.unlink()
    assert _equal(first, kept)


def test_without_room_nothing_is_kept(pieces: WordPieces, tmp_path: Path) -> None:
    load, cache = Counted(pieces), FeatureCache({}, 0, tmp_path / "features")
    assert _equal(cache.encode(load, TEXTS), load.table.encode(TEXTS))
    assert not (tmp_path / "features").exists()


def test_a_folder_that_cannot_be_written_is_no_obstacle(
    pieces: WordPieces, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    load, cache = Counted(pieces), FeatureCache({}, ROOM, tmp_path / "file")
    assert _equal(cache.encode(load, TEXTS), load.table.encode(TEXTS))
    assert "vectors are not kept" in capsys.readouterr().err


def _encode(folder: Path, pieces: WordPieces, count: int) -> None:
    load, cache = Counted(pieces), FeatureCache({}, 40_000, folder)
    for number in range(count):
        texts = [["w1", "w2"] * 40, [f"w{number % 7}"]]
        assert _equal(cache.encode(load, texts), load.table.encode(texts))


def test_two_processes_with_little_room_do_not_disturb_each_other(
    pieces: WordPieces, tmp_path: Path
) -> None:
    context = multiprocessing.get_context("fork")
    made = [context.Process(target=_encode, args=(tmp_path, pieces, 60)) for _ in range(2)]
    for process in made:
        process.start()
    for process in made:
        process.join()
    assert [process.exitcode for process in made] == [0, 0]
    assert not list(tmp_path.glob("*.tmp-*"))


def test_what_a_killed_process_left_goes_and_what_is_being_written_stays(
    pieces: WordPieces, tmp_path: Path
) -> None:
    process = multiprocessing.get_context("fork").Process(target=int)
    process.start()
    process.join()
    left = [tmp_path / f"0.{kind}-{process.pid}" for kind in ("tmp", "note")]
    others = [tmp_path / f"0.{kind}-{os.getpid()}" for kind in ("tmp", "note")]
    for path in (*left, *others):
        path.write_bytes(b"0" * 99)
    FeatureCache({}, ROOM, tmp_path).encode(Counted(pieces), TEXTS)
    assert [path.exists() for path in (*left, *others)] == [False, False, True, True]


def test_no_texts_and_empty_texts(pieces: WordPieces, tmp_path: Path) -> None:
    load, cache = Counted(pieces), FeatureCache({}, ROOM, tmp_path)
    assert list(cache.encode(load, [])) == []
    assert [h.shape for h in cache.encode(load, [[], []])] == [(1, 0, 8), (1, 0, 8)]
    assert np.all([h.dtype == torch.float32 for h in cache.encode(load, TEXTS)])


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_half_the_bytes_are_kept_and_numbers_are_rounded(
    kind: Kind, pieces: WordPieces, tmp_path: Path
) -> None:
    load = Counted(pieces)
    cache = FeatureCache({}, ROOM, tmp_path, kind=kind)
    whole = FeatureCache({}, ROOM, tmp_path).encode(load, TEXTS)
    rounded = [h.to(getattr(torch, kind)).float() for h in load.table.encode(TEXTS)]
    assert _equal(cache.encode(load, TEXTS), rounded)
    assert _equal(cache.encode(load, TEXTS), rounded)
    assert load.calls == 2
    assert not _equal(whole, rounded)
    small, large = sorted(np.load(path).nbytes for path in tmp_path.glob("*.npy"))
    assert large == 2 * small
    assert _equal(FeatureCache({}, 0, tmp_path, kind=kind).encode(load, TEXTS), rounded)


def test_numbers_beyond_float16_are_refused(pieces: WordPieces, tmp_path: Path) -> None:
    load = Counted(pieces)
    with torch.no_grad():
        next(load.table.parameters()).fill_(1e6)
    with pytest.raises(DataError, match=r"too large for torch.float16; set runtime.feature_type"):
        FeatureCache({}, ROOM, tmp_path, kind="float16").encode(load, TEXTS)
    assert not list(tmp_path.glob("*"))
    FeatureCache({}, ROOM, tmp_path, kind="bfloat16").encode(load, TEXTS)
