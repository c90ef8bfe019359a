from __future__ import annotations

import bz2
import errno
import gzip
import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from polyseme.data.archive import extract
from polyseme.data.dataset import Limits
from polyseme.errors import DataError

TEXT = b"some text\n" * 500
LIMITS = Limits()


def make_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, body in members.items():
            file.writestr(name, body)
    return path


def make_tar(path: Path, members: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as file:
        for name, body in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            file.addfile(info, io.BytesIO(body))
    return path


def refuse(archive: Path, out: Path, match: str, limits: Limits = LIMITS) -> None:
    with pytest.raises(DataError, match=match) as caught:
        extract(archive, out, limits)
    assert str(archive) in str(caught.value)
    assert not list(out.iterdir())
    assert not (out.parent / "x").exists()


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tar.bz2"])
def test_members_arrive_with_their_folders(tmp_path: Path, name: str) -> None:
    members = {"one.txt": TEXT, "sub/two.txt": b""}
    if name.endswith("zip"):
        make_zip(tmp_path / name, members)
    else:
        make_tar(tmp_path / name, members, "w:" + name.partition(".tar")[2][1:])
    out = tmp_path / "out"
    assert extract(tmp_path / name, out, LIMITS) == [out / "one.txt", out / "sub/two.txt"]
    assert (out / "one.txt").read_bytes() == TEXT
    assert sorted(path.name for path in out.iterdir()) == ["one.txt", "sub"]


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "c:x", "..\\x"])
def test_paths_that_leave_the_folder(tmp_path: Path, name: str) -> None:
    refuse(
        make_zip(tmp_path / "a.zip", {"ok": b"1", name: b"2"}), tmp_path / "o1", "leaves|outside"
    )
    refuse(
        make_tar(tmp_path / "a.tar", {"ok": b"1", name: b"2"}), tmp_path / "o2", "leaves|outside"
    )


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_in_a_tar(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as file:
        info = tarfile.TarInfo("x")
        info.type, info.linkname = kind, "target"
        file.addfile(info)
    refuse(tmp_path / "a.tar", tmp_path / "out", "link or device|link, device")


def test_a_link_in_a_zip(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        info = zipfile.ZipInfo("x")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(info, "/etc/passwd")
    refuse(tmp_path / "a.zip", tmp_path / "out", "link or device")


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_too_many_members(tmp_path: Path, make: Callable[[Path, dict[str, bytes]], Path]) -> None:
    path = tmp_path / ("a.zip" if make is make_zip else "a.tar")
    make(path, {f"m{i}": b"" for i in range(4)})
    refuse(path, tmp_path / "out", "more than 3 members", Limits(max_members=3))


def test_too_many_bytes_in_all(tmp_path: Path) -> None:
    members = {"a": bytes(6000), "b": bytes(6000)}
    limits = Limits(max_bytes=10_000)
    refuse(make_zip(tmp_path / "a.zip", members), tmp_path / "o1", "in all", limits)
    refuse(make_tar(tmp_path / "a.tar", members), tmp_path / "o2", "in all", limits)


def test_bombs_are_stopped_by_counting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polyseme.data.archive.FREE_BYTES", 1000)
    monkeypatch.setattr("polyseme.data.streams.FREE_BYTES", 1000)
    bomb = {"a": bytes(10**7)}
    refuse(make_zip(tmp_path / "a.zip", bomb), tmp_path / "o1", "expands")
    refuse(make_tar(tmp_path / "a.tar.gz", bomb, "w:gz"), tmp_path / "o2", "expands")
    refuse(make_tar(tmp_path / "a.tar.bz2", bomb, "w:bz2"), tmp_path / "o3", "expands")


def test_a_name_twice_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as file:
        file.addfile(tarfile.TarInfo("x"))
        file.addfile(tarfile.TarInfo("x"))
    refuse(tmp_path / "a.tar", tmp_path / "out", "named twice")


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tar.bz2"])
def test_truncation_anywhere_is_noticed_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    members = {"one.txt": TEXT, "two.txt": TEXT[::-1]}
    if name.endswith("zip"):
        whole = make_zip(tmp_path / "whole.zip", members).read_bytes()
    else:
        make_tar(tmp_path / "whole.tar", members)
        pack = {"gz": gzip.compress, "bz2": bz2.compress}.get(name.rpartition(".")[2], bytes)
        whole = pack((tmp_path / "whole.tar").read_bytes().rstrip(b"\0") + bytes(1024))
    step = max(1, len(whole) // 60)
    for cut in [*range(0, len(whole) - 1024, step), len(whole) // 512 * 512 - 1024]:
        (tmp_path / name).write_bytes(whole[: max(cut, 0)])
        refuse(tmp_path / name, tmp_path / "out", "truncated")


def test_damage_anywhere_is_one_line_or_harmless(tmp_path: Path) -> None:
    for name in ("a.zip", "a.tar.gz"):
        members = {"one.txt": TEXT, "two.txt": TEXT[::-1]}
        make = make_zip if name == "a.zip" else make_tar
        mode = () if name == "a.zip" else ("w:gz",)
        whole = bytearray(make(tmp_path / name, members, *mode).read_bytes())
        for place in range(len(whole)):
            damaged = whole.copy()
            damaged[place] ^= 0xFF
            (tmp_path / name).write_bytes(damaged)
            try:
                extract(tmp_path / name, tmp_path / f"out-{name}-{place}", LIMITS)
            except DataError:
                assert not list((tmp_path / f"out-{name}-{place}").iterdir())


def test_existing_files_are_never_overwritten(tmp_path: Path) -> None:
    make_zip(tmp_path / "a.zip", {"x": b"new"})
    (tmp_path / "out").mkdir()
    (tmp_path / "out/x").write_bytes(b"old")
    with pytest.raises(DataError, match="exists already"):
        extract(tmp_path / "a.zip", tmp_path / "out", LIMITS)
    assert (tmp_path / "out/x").read_bytes() == b"old"


def test_other_files_are_no_archives(tmp_path: Path) -> None:
    (tmp_path / "a.rar").write_bytes(b"")
    with pytest.raises(DataError, match="not an archive"):
        extract(tmp_path / "a.rar", tmp_path / "out", LIMITS)


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (["a", "a/b"], "file and a folder|is a file"),
        (["a", "a/b/c"], "is a file|file and a folder"),
        (["a/b", "a"], "file and a folder"),
        (["x" * 256], "more than 255 bytes"),
        (["é" * 128], "more than 255 bytes"),
        (["a/" * 500 + "b"], "folders"),
        (["a\nb"], "control character"),
        (["a\x1b[31mb"], "control character"),
        (["."], "empty name"),
    ],
)
@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_names_that_are_no_files_are_refused_in_a_short_line(
    tmp_path: Path,
    names: list[str],
    why: str,
    make: Callable[[Path, dict[str, bytes]], Path],
) -> None:
    path = tmp_path / ("a.zip" if make is make_zip else "a.tar")
    make(path, dict.fromkeys(names, b"1"))
    refuse(path, tmp_path / "out", why)
    with pytest.raises(DataError) as caught:
        extract(path, tmp_path / "out", LIMITS)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300 + len(str(path))


def test_a_full_disk_stays_an_error_of_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    make_zip(tmp_path / "a.zip", {"sub/x": b"1"})
    monkeypatch.setattr("pathlib.Path.open", full)
    with pytest.raises(OSError, match="No space left"):
        extract(tmp_path / "a.zip", tmp_path / "out", LIMITS)
