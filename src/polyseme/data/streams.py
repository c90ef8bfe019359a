"""Read files that may be compressed, truncated, malicious or not text: one checked byte stream.

Suffix decides, in any case: .gz, .bz2 (several streams too), .zst (several frames too), everything
else is read as it is, unless it begins as a compressed file does: that is refused. Each stream

- has a cap: more than `max_expansion` times the compressed size is refused (decompression bombs;
  bz2 reaches a million to one), with `FREE_BYTES` for small files;
- notices truncation and damage inside a compressed stream, and bytes after it that are no stream
  (`bz2.BZ2File` takes a damaged later stream for garbage and loses its text). A file cut exactly
  between two streams cannot be told from a whole one here: data sets pin their sha256, and the
  MediaWiki reader asks for the closing tag;
- can check that the bytes are text: strict UTF-8 (or what conf names) without NUL. Policy: anything
  else is refused with the byte offset in the uncompressed file. Guessing an encoding would corrupt
  silently.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal, Protocol, TextIO, cast

import zstandard

from polyseme.errors import DataError

FREE_BYTES = 64 * 2**20
MAX_EXPANSION = 100
ZSTD_STEP = 1024  # a zstd block of 4 bytes can hold 128 KiB: small steps bound what one read makes
BZ2_STEP = 2**16
PACKED = {
    b"\x1f\x8b\x08": "gzip -d < old > new",
    b"\x28\xb5\x2f\xfd": "zstd -d < old > new",
    b"\xfd7zXZ\0": "xz -d < old > new",
    b"PK\x03\x04": "unzip old",
    **{b"BZh%d1AY&SY" % level: "bzip2 -d < old > new" for level in range(1, 10)},
}
"""First bytes of compressed files, and the command that unpacks them."""
WIDE = {
    codecs.BOM_UTF32_LE: "UTF-32",  # before UTF-16, with which it begins
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
BROKEN = (EOFError, OSError, zlib.error, zstandard.ZstdError)
Encoding = Literal["utf-8", "iso-8859-1", "iso-8859-2", "cp1252"]
"""What conf may name, for files whose bytes are pinned."""


class Readable(Protocol):
    """The part of a binary file that a checked stream needs."""

    def read(self, size: int, /) -> bytes: ...  # noqa: D102


class CheckedStream(io.RawIOBase):
    """Uncompressed bytes of a file, with cap and truncation check.

    Args:
        path: file, compressed or not.
        max_expansion: uncompressed bytes allowed for each byte of the file.
        text: refuse bytes that are not text, and NUL.
        encoding: of the text.

    Raises:
        DataError: missing, truncated, too large, or not text; names the file (and byte offset).
    """

    def __init__(
        self,
        path: Path,
        *,
        max_expansion: int = MAX_EXPANSION,
        text: bool = False,
        encoding: Encoding = "utf-8",
    ) -> None:
        self.path, self.encoding = path, encoding
        try:
            self._file = path.open("rb")
            self._cap = max(FREE_BYTES, max_expansion * path.stat().st_size)
        except OSError as error:
            raise DataError(f"cannot be read: {error.strerror}", where=path) from None
        self._inner = self._opened()
        self._decoder = codecs.getincrementaldecoder(encoding)("strict") if text else None
        self._position = 0

    def _opened(self) -> Readable:
        """The reader for the suffix; a file that needs another one is refused."""
        try:
            begin = self._file.read(16)
            self._file.seek(0)
            inner = _decompressor(self.path, self._file)
            if inner is self._file:
                _refuse_packed(self.path, begin)
        except OSError as error:
            self._file.close()
            raise DataError(f"cannot be read: {error.strerror}", where=self.path) from None
        except DataError:
            self._file.close()
            raise
        return inner

    @property
    def consumed(self) -> int:
        """Bytes of the (compressed) file read so far: for progress bars."""
        return self._file.tell()

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill `buffer`; see the class for what is refused."""
        data = self._read(len(buffer))
        if self._decoder is not None:
            self._check_text(self._decoder, data)
        self._position += len(data)
        if self._position > self._cap:
            raise DataError(
                f"expands to more than {self._cap:,} bytes",
                where=self.path,
                mend="raise max_expansion if you trust the file",
            )
        buffer[: len(data)] = data
        return len(data)

    def _read(self, size: int) -> bytes:
        try:
            return self._inner.read(size)
        except BROKEN as error:
            raise DataError(
                f"compressed data is truncated or damaged ({_reason(error)})",
                where=self.path,
                mend="get the file again",
            ) from None

    def _check_text(self, decoder: codecs.IncrementalDecoder, data: bytes) -> None:
        """Raise when `data`, which starts at the current position, is not text."""
        pending = len(decoder.getstate()[0])
        if not self._position:
            _refuse_wide(self.path, data)
        try:
            decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            offset = self._position - pending + error.start
            raise DataError(
                f"not {self.encoding.upper()}: byte 0x{error.object[error.start]:02x}",
                where=f"{self.path}: byte {offset}",
                mend="convert it, for example: iconv -f LATIN1 -t UTF-8 old > new",
            ) from None
        if (nul := data.find(b"\0")) >= 0:
            raise DataError(
                "NUL byte in text",
                where=f"{self.path}: byte {self._position + nul}",
                mend="a UTF-16 file needs `iconv -f UTF-16 -t UTF-8`; a binary file is no text",
            )

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


class _Zstd:
    """Frames of a zstd file; unlike zstandard's own reader it notices truncation."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._ready, self._input = file, io.BytesIO(), b""
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._inside = False

    def read(self, size: int, /) -> bytes:
        while not (data := self._ready.read(size)) and self._feed():
            pass
        return data

    def _feed(self) -> bool:
        """Decompress one step; False at the end of the file."""
        self._input = self._input or self._file.read(ZSTD_STEP)
        if not self._input:
            if self._inside:
                raise EOFError("end of file inside a frame")
            return False
        self._inside = True
        self._ready = io.BytesIO(self._frame.decompress(self._input))
        self._input = b""
        if self._frame.eof:
            self._input, self._inside = self._frame.unused_data, False
            self._frame = zstandard.ZstdDecompressor().decompressobj()
        return True


class _Bzip2:
    """Streams of a bz2 file, to the last byte; see the top of this file for why."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._input = file, b""
        self._stream, self._inside = bz2.BZ2Decompressor(), True  # an empty file is truncated

    def read(self, size: int, /) -> bytes:
        data = b""
        while size and not data:
            if self._stream.eof:
                self._input, self._inside = self._stream.unused_data, False
                self._stream = bz2.BZ2Decompressor()
            if self._stream.needs_input:
                self._input = self._input or self._file.read(BZ2_STEP)
                if not self._input:
                    if self._inside:
                        raise EOFError("end of file inside a stream")
                    return b""
            self._inside = True
            data, self._input = self._stream.decompress(self._input, size), b""
        return data


def _decompressor(path: Path, file: BinaryIO) -> Readable:
    """The reader for the suffix of `path`."""
    suffix = path.suffix.lower()
    if suffix in (".gz", ".tgz"):
        return cast(Readable, gzip.GzipFile(fileobj=file))
    if suffix == ".bz2":
        return _Bzip2(file)
    if suffix == ".zst":
        return _Zstd(file)
    return file


def _refuse_packed(path: Path, begin: bytes) -> None:
    """Raise when a file that is read as it is begins as a compressed one does."""
    for magic, command in PACKED.items():
        if begin.startswith(magic):
            raise DataError(
                "compressed, but its name does not end in .gz, .bz2 or .zst",
                where=path,
                mend=f"unpack it: {command}",
            )


def _refuse_wide(path: Path, begin: bytes) -> None:
    """Raise when text begins with the byte order mark of another encoding."""
    for mark, encoding in WIDE.items():
        if begin.startswith(mark):
            raise DataError(
                f"{encoding} text, not UTF-8",
                where=f"{path}: byte 0",
                mend=f"convert it: iconv -f {encoding} -t UTF-8 old > new",
            )


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


def open_text(
    path: Path, *, max_expansion: int = MAX_EXPANSION, encoding: Encoding = "utf-8"
) -> tuple[TextIO, CheckedStream]:
    """Text of a file (BOM dropped, any newline) and the checked stream below it."""
    raw = CheckedStream(path, max_expansion=max_expansion, text=True, encoding=encoding)
    codec = "utf-8-sig" if encoding == "utf-8" else encoding
    return io.TextIOWrapper(io.BufferedReader(raw, 2**16), encoding=codec), raw


def read_lines(text: TextIO, *, where: Path, max_characters: int) -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of each line, without its newline.

    Raises:
        DataError: a line is longer than `max_characters`, so that memory stays bounded.
    """
    number = 0
    while line := text.readline(max_characters + 1):
        number += 1
        if len(line) > max_characters and not line.endswith("\n"):
            raise DataError(
                f"line longer than {max_characters:,} characters",
                where=f"{where}:{number}",
                mend="split the line, or raise the limit in conf",
            )
        yield number, line.rstrip("\n")
