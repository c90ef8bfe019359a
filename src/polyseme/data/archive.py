"""Extract zip and tar archives that nobody vouches for.

Refused: absolute paths, `..`, links, devices, members named twice, encryption, too many members,
too many bytes, a member that expands too much (bytes are counted while they are written, headers
are not believed), truncated archives. Extraction is all or nothing. Why own code: pooch's tar
extraction allows path traversal on Python 3.9-3.11, and neither zipfile nor tarfile has limits.
"""

from __future__ import annotations

import io
import lzma
import os
import stat
import struct
import tarfile
import tempfile
import unicodedata
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, TypeVar

from polyseme.data.dataset import Limits
from polyseme.data.streams import BROKEN, FREE_BYTES, CheckedStream
from polyseme.errors import DataError

CHUNK = 2**18
TAR_BLOCK = 512
MAX_NAME = 255  # bytes, of most file systems
MAX_PATH = 1024
MAX_DEPTH = 32
MAX_SHOWN = 60
MAX_REASON = 200
NO_NAME = ("Cc", "Zl", "Zp")  # Unicode categories
TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.zst")
DAMAGED = (
    *BROKEN,
    zipfile.BadZipFile,
    tarfile.TarError,
    NotImplementedError,  # a zip's unknown compression
    ValueError,  # a zip's impossible name or date
    lzma.LZMAError,
    struct.error,
)
T = TypeVar("T")

Member = tuple[str, IO[bytes], int]
"""Name, content, and the bytes that it may hold at most."""


def extract(archive: Path, out: Path, limits: Limits) -> list[Path]:
    """Extract `archive` into the folder `out`.

    Args:
        archive: .zip, .tar, .tar.gz, .tgz, .tar.bz2 or .tar.zst.
        out: folder; may exist, existing files are never overwritten.

    Returns:
        The files written, sorted.

    Raises:
        DataError: names archive and member; `out` is as it was before.
    """
    if archive.suffix == ".zip":
        members = _zip_members(archive, limits)
    elif archive.name.endswith(TAR_SUFFIXES):
        members = _tar_members(archive, limits)
    else:
        raise DataError("not an archive", where=archive, mend="use .zip or .tar (.gz, .bz2, .zst)")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".extract-") as temporary:
        names = _write(archive, members, Path(temporary), limits)
        for name in names:
            _refuse_existing(archive, name, out)
        for name in names:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (Path(temporary) / name).rename(out / name)
    return sorted(out / name for name in names)


def _write(archive: Path, members: Iterator[Member], out: Path, limits: Limits) -> list[str]:
    """Write members one by one, counting."""
    names: list[str] = []
    total = 0
    for name, content, allowed in _guarded(archive, members):
        if len(names) >= limits.max_members:
            raise _refusal(archive, name, f"more than {limits.max_members:,} members")
        target = out / name
        written = 0
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            file = target.open("xb")
        except FileExistsError:
            raise _refusal(archive, name, "named twice, or a file and a folder") from None
        except NotADirectoryError:
            raise _refusal(archive, name, "inside a member that is a file") from None
        with file:
            for chunk in _guarded(archive, iter(partial(content.read, CHUNK), b"")):
                written, total = written + len(chunk), total + len(chunk)
                if written > allowed:
                    raise _refusal(archive, name, f"expands to more than {allowed:,} bytes")
                if total > limits.max_bytes:
                    raise _refusal(archive, name, f"more than {limits.max_bytes:,} bytes in all")
                file.write(chunk)
        names.append(str(PurePosixPath(name)))
    return names


def _refuse_existing(archive: Path, name: str, out: Path) -> None:
    """Raise when the member would overwrite a file, or needs a folder where one lies."""
    target = out / name
    folders = target.parents[: len(PurePosixPath(name).parts) - 1]
    if target.exists() or any(folder.is_file() for folder in folders):
        raise _refusal(archive, name, "exists already")


def _check_name(archive: Path, name: str) -> None:
    """Raise when `name` cannot be a file below a folder on any usual file system."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
        raise _refusal(archive, name, "path leaves the folder")
    if not path.parts:
        raise _refusal(archive, name, "empty name")
    if any(unicodedata.category(character) in NO_NAME for character in name):
        raise _refusal(archive, name, "control character in the name")
    if any(len(os.fsencode(part)) > MAX_NAME for part in path.parts):
        raise _refusal(archive, name, f"name of more than {MAX_NAME} bytes")
    if len(path.parts) > MAX_DEPTH or len(os.fsencode(name)) > MAX_PATH:
        raise _refusal(archive, name, f"more than {MAX_DEPTH} folders or {MAX_PATH:,} bytes deep")


def _guarded(archive: Path, items: Iterator[T]) -> Iterator[T]:
    """The same items; an exception of the libraries while reading one becomes a DataError."""
    while True:
        try:
            item = next(items)
        except StopIteration:
            return
        except DAMAGED as error:
            reason = " ".join(str(error).split())[:MAX_REASON] or type(error).__name__
            raise DataError(
                f"archive is truncated or damaged ({reason})", where=archive, mend="get it again"
            ) from None
        yield item


def _zip_members(archive: Path, limits: Limits) -> Iterator[Member]:
    """Regular files of a zip, in stored order."""
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _refusal(archive, info.filename, "a link or device")
            if info.flag_bits & 1:
                raise _refusal(archive, info.filename, "encrypted")
            if not info.is_dir():
                _check_name(archive, info.filename)
                allowed = max(FREE_BYTES, limits.max_expansion * info.compress_size)
                with file.open(info) as content:
                    yield info.filename, content, allowed


def _tar_members(archive: Path, limits: Limits) -> Iterator[Member]:
    """Regular files of a tar, read as a stream: one pass, nothing before the caps apply."""
    with CheckedStream(archive, max_expansion=limits.max_expansion) as raw:
        tail = _Tail(raw)
        with tarfile.open(fileobj=tail, mode="r|") as file:
            for info in file:
                if not (info.isreg() or info.isdir()) or info.issparse():
                    raise _refusal(archive, info.name, "a link, device or sparse file")
                if info.isreg():
                    _check_name(archive, info.name)
                    checked = tarfile.data_filter(info, ".")
                    content = file.extractfile(info)
                    if checked is None or content is None:
                        raise _refusal(archive, info.name, "not a file")
                    yield info.name, content, limits.max_bytes
            while tail.read(CHUNK):
                pass
        if tail.last.strip(b"\0") or len(tail.last) < TAR_BLOCK:
            raise tarfile.ReadError("no end-of-archive block")


class _Tail(io.RawIOBase):
    """A stream that remembers its last block: a whole tar ends with zeros."""

    def __init__(self, raw: CheckedStream) -> None:
        self._raw = io.BufferedReader(raw)
        self.last = b""

    def read(self, size: int = -1, /) -> bytes:
        data = self._raw.read(size)
        self.last = (self.last + data)[-TAR_BLOCK:]
        return data


def _refusal(archive: Path, member: str, why: str) -> DataError:
    member = member if len(member) <= MAX_SHOWN else f"{member[:MAX_SHOWN]}..."
    return DataError(
        f"refused: member {member!r}: {why}",
        where=archive,
        mend="check where the archive comes from; limits stand in its conf/dataset file",
    )
