from __future__ import annotations

import bz2
import gzip
import lzma
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from polyseme.data.streams import CheckedStream, open_text, read_lines
from polyseme.errors import DataError

TEXT = "Grüße, wörld\n" * 30_000
PACK: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".zst": zstandard.compress,
}


@pytest.mark.parametrize("suffix", ["", *PACK])
def test_text_of_any_compression_in_several_streams(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.txt{suffix}"
    path.write_bytes(2 * PACK.get(suffix, bytes)(TEXT.encode()))
    text, raw = open_text(path)
    assert text.read() == 2 * TEXT
    assert raw.consumed == path.stat().st_size


@pytest.mark.parametrize("suffix", PACK)
@pytest.mark.parametrize("lost", [1, 5, 40])
def test_a_truncated_stream_is_refused(tmp_path: Path, suffix: str, lost: int) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes((2 * PACK[suffix](TEXT.encode()))[:-lost])
    with pytest.raises(DataError, match="truncated") as caught:
        open_text(path)[0].read()
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("suffix", PACK)
def test_a_bomb_is_refused(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polyseme.data.streams.FREE_BYTES", 100_000)
    path = tmp_path / f"a{suffix}"
    path.write_bytes(PACK[suffix](b"a" * 20_000_000))
    with pytest.raises(DataError, match="expands to more than"):
        CheckedStream(path).readall()


@pytest.mark.parametrize("suffix", ["", *PACK])
@pytest.mark.parametrize(
    ("bad", "what"), [(b"caf\xe9 x", "not UTF-8: byte 0xe9"), (b"caf\0 x", "NUL byte")]
)
@pytest.mark.parametrize("before", [0, 65_534, 200_001])
def test_bytes_that_are_no_text_are_named_with_their_offset(
    tmp_path: Path, suffix: str, bad: bytes, what: str, before: int
) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(PACK.get(suffix, bytes)(b"x" * before + bad))
    with pytest.raises(DataError, match=what) as caught:
        open_text(path)[0].read()
    assert f"{path}: byte {before + 3}:" in str(caught.value)
    assert "iconv" in str(caught.value)


def test_a_character_cut_by_the_end_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes("café".encode()[:-1])
    with pytest.raises(DataError, match="byte 3: not UTF-8"):
        open_text(tmp_path / "a")[0].read()


def test_characters_across_block_borders_are_fine(tmp_path: Path) -> None:
    for shift in range(4):
        (tmp_path / "a").write_text("x" * shift + "€" * 100_000, "utf-8")
        assert open_text(tmp_path / "a")[0].read() == "x" * shift + "€" * 100_000


def test_byte_order_mark_and_any_newline(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfone\r\ntwo\nthree")
    lines = list(read_lines(open_text(tmp_path / "a")[0], where=tmp_path, max_characters=10))
    assert lines == [(1, "one"), (2, "two"), (3, "three")]


def test_an_endless_line_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("ab\n" + "x" * 100)
    with pytest.raises(DataError, match="a:2: line longer than 10"):
        list(read_lines(open_text(tmp_path / "a")[0], where=tmp_path / "a", max_characters=10))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing.txt"):
        open_text(tmp_path / "nothing.txt")


@pytest.mark.parametrize("suffix", [".bz2", ".gz", ".zst"])
@pytest.mark.parametrize("damage", ["garbage", "no header", "flipped bit"])
def test_damage_in_a_second_stream_loses_nothing_silently(
    tmp_path: Path, suffix: str, damage: str
) -> None:
    first, second = (PACK[suffix](text * 500) for text in (b"one two\n", b"three\n"))
    flipped = bytearray(second)
    flipped[len(second) // 2] ^= 0x10
    bad = {"garbage": b"no stream at all" * 9, "no header": second[4:], "flipped bit": flipped}
    path = tmp_path / f"a{suffix}"
    path.write_bytes(first + bad[damage] + first)
    if suffix == ".zst" and damage == "flipped bit":
        pytest.skip("zstandard.compress writes no checksum")
    with pytest.raises(DataError, match="truncated or damaged") as caught:
        open_text(path)[0].read()
    assert str(path) in str(caught.value)


def test_many_bz2_streams_are_read_whole_and_fast(tmp_path: Path) -> None:
    draw = random.Random(0)
    parts = [draw.randbytes(draw.randrange(400)).hex().encode() for _ in range(3000)]
    path = tmp_path / "a.bz2"
    path.write_bytes(b"".join(map(bz2.compress, parts)))
    started = time.monotonic()
    assert open_text(path)[0].read().encode() == b"".join(parts)
    assert time.monotonic() - started < 10  # about 0.5 s


@pytest.mark.parametrize("suffix", [".GZ", ".Bz2", ".ZST"])
def test_suffixes_of_any_case(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"a{suffix}").write_bytes(PACK[suffix.lower()](b"text"))
    assert open_text(tmp_path / f"a{suffix}")[0].read() == "text"


@pytest.mark.parametrize(
    ("pack", "command"),
    [
        (gzip.compress, "gzip -d"),
        (bz2.compress, "bzip2 -d"),
        (zstandard.compress, "zstd -d"),
        (lzma.compress, "xz -d"),
    ],
)
def test_a_compressed_file_of_another_name_is_told(
    tmp_path: Path, pack: Callable[[bytes], bytes], command: str
) -> None:
    (tmp_path / "a.xz").write_bytes(pack(b"text"))
    with pytest.raises(DataError, match=rf"a\.xz: compressed.*{command}"):
        open_text(tmp_path / "a.xz")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_byte_order_mark_of_another_encoding_names_its_mend(
    tmp_path: Path, encoding: str
) -> None:
    (tmp_path / "a").write_bytes("\ufefftext".encode(encoding))
    with pytest.raises(DataError, match=rf"iconv -f {encoding[:6].upper()} -t UTF-8"):
        open_text(tmp_path / "a")[0].read()
