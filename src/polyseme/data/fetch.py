"""Fetch a data set: the mirror first, then the installed package, then the URL; verify always.

The first place that has a file decides: wrong bytes there are an error that names them, never a
reason to try the next place silently. Downloads resume (HTTP Range, or an offset in a storage that
fsspec knows) from a .part file that survives the process, and are retried with growing pauses.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import requests
from tqdm import tqdm

from polyseme.data import archive, remote
from polyseme.data.dataset import Dataset, File
from polyseme.errors import ConfigError, DataError, IntegrityError

CHUNK = 2**14  # what a dropped connection can lose
MIRROR = "POLYSEME_MIRROR"
ATTEMPTS = 6
FIRST_PAUSE = 1.0
TIMEOUTS = (10.0, 60.0)
"""Seconds to connect, and between two chunks."""
UNSATISFIABLE = 416
TRANSIENT = {408, 425, 429, 500, 502, 503, 504}


def mirror_folder() -> Path | None:
    """The folder that POLYSEME_MIRROR names, or None.

    Raises:
        ConfigError: the variable names no folder.
    """
    value = os.environ.get(MIRROR)
    if not value:
        return None
    if not Path(value).is_dir():
        raise ConfigError(f"{value!r} is no folder", where=MIRROR, mend="correct it or unset it")
    return Path(value)


def fetch(
    dataset: Dataset,
    name: str,
    *,
    out: Path,
    downloads: Path,
    mirror: Path | None,
    progress: bool,
    first_pause: float = FIRST_PAUSE,
) -> None:
    """Put the verified bytes of `dataset` into the folder `out`; archives are extracted.

    Args:
        name: the data set's name; its mirror folder, where conf names none.
        downloads: folder for partial downloads; kept when a download fails.
        mirror: folder laid out `<dataset>/<file>`, see `mirror_folder`.
        first_pause: seconds before the second attempt; doubled for each further one.

    Raises:
        IntegrityError: size or sha256 differ.
        DataError: the file is nowhere, cannot be downloaded, or is a bad archive.
    """
    total = sum(file.size for file in dataset.files)
    with (
        _folders(dataset, name, mirror, downloads) as folders,
        tqdm(total=total, unit="B", unit_scale=True, desc=name, disable=not progress) as bar,
    ):
        for file in map(dataset.located, dataset.files):
            part = downloads / f"{file.sha256[:16]}.part"
            target = downloads / Path(file.name).name if file.archive else out / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            if local := _local(dataset, file, folders):
                _copy(local, target, file, bar)
            else:
                downloads.mkdir(parents=True, exist_ok=True)
                _download(file, name, part, bar, first_pause)
                part.replace(target)
            if file.archive:
                archive.extract(target, out, dataset.limits)
                target.unlink()


@contextmanager
def _folders(
    dataset: Dataset, name: str, mirror: Path | None, downloads: Path
) -> Iterator[list[Path]]:
    """Where the mirror has files of the data set: its folder, and its archive, unpacked."""
    if mirror is None:
        yield []
        return
    folders = [mirror / (dataset.mirror or name)]
    with ExitStack() as stack:
        if dataset.mirror_archive and (packed := mirror / dataset.mirror_archive).is_file():
            downloads.mkdir(parents=True, exist_ok=True)
            folders.append(Path(stack.enter_context(TemporaryDirectory(dir=downloads))))
            archive.extract(packed, folders[-1], dataset.limits)
        yield folders


def _local(dataset: Dataset, file: File, folders: Sequence[Path]) -> Path | None:
    """The file in the mirror or the package, or None."""
    for folder in folders:
        if (path := folder / file.name).is_file():
            return path
    if dataset.package == "gensim":
        from gensim.test.utils import datapath

        path = Path(datapath(file.name))
        if path.is_file():
            return path
    return None


def _copy(source: Path, target: Path, file: File, bar: tqdm[None]) -> None:
    """Copy while hashing; a copy that fails its check does not stay."""
    check = _Check(file, source)
    try:
        with source.open("rb") as reader, target.open("wb") as writer:
            while chunk := reader.read(CHUNK):
                check.update(chunk)
                writer.write(chunk)
                bar.update(len(chunk))
        check.finish()
    except BaseException:
        target.unlink(missing_ok=True)
        raise


class _Check:
    """Size and sha256 of bytes as they stream by."""

    def __init__(self, file: File, where: object) -> None:
        self._file, self._where, self.size = file, where, 0
        self._digest = hashlib.sha256()

    def update(self, chunk: bytes) -> None:
        self.size += len(chunk)
        self._digest.update(chunk)
        if self.size > self._file.size:
            raise self._error(f"expected {self._file.size:,} bytes, found more")

    def finish(self) -> None:
        if self.size != self._file.size:
            raise self._error(f"expected {self._file.size:,} bytes, found {self.size:,}")
        if (found := self._digest.hexdigest()) != self._file.sha256:
            raise self._error(f"expected sha256 {self._file.sha256}, found {found}")

    def _error(self, what: str) -> IntegrityError:
        mend = "get the file again, or correct its entry in conf/dataset"
        return IntegrityError(what, where=self._where, mend=mend)


def _download(file: File, name: str, part: Path, bar: tqdm[None], pause: float) -> None:
    """Bring `part` to the full, verified bytes of `file`."""
    if file.url is None:
        raise DataError(
            f"{file.name} is not to be had",
            where=f"conf/dataset/{name}.yaml",
            mend=f"it has no URL; put it into ${MIRROR}/{name}",
        )
    base = bar.n
    for attempt in range(ATTEMPTS):
        try:
            _attempt(file, file.url, part, bar, base)
            return
        except IntegrityError:
            part.unlink(missing_ok=True)
            raise
        except requests.RequestException as error:
            response = error.response
            if response is not None and response.status_code == UNSATISFIABLE:
                part.unlink(missing_ok=True)
                raise _short(file, response) from None
            if response is not None and response.status_code not in TRANSIENT:
                raise DataError(
                    f"the server answers {response.status_code} {response.reason}",
                    where=file.url,
                    mend=f"check the URL in conf/dataset/{name}.yaml, or set {MIRROR}",
                ) from None
            failure = type(error).__name__
        except remote.DroppedError as error:
            failure = str(error)
        if attempt + 1 < ATTEMPTS:
            time.sleep(pause * 2**attempt)
    have = part.stat().st_size if part.exists() else 0
    raise DataError(
        f"download failed {ATTEMPTS} times ({failure}), {have:,} of {file.size:,} bytes are kept",
        where=file.url,
        mend=f"run again to resume, or set {MIRROR} to a folder laid out <dataset>/<file>",
    )


def _attempt(file: File, url: str, part: Path, bar: tqdm[None], base: int) -> None:
    """One request, resuming after the bytes that `part` has."""
    have = part.stat().st_size if part.exists() else 0
    if have >= file.size > 0:
        check = _Check(file, part)
        for chunk in _chunks(part):
            check.update(chunk)
        bar.update(base + check.size - bar.n)
        return check.finish()
    if remote.is_remote(url):
        return _receive(file, url, part, bar, base)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    check = _Check(file, url)
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUTS) as response:
        response.raise_for_status()
        resumed = have > 0 and _resumes_at(response, have)
        _check_promise(file, response, resumed=resumed)
        for chunk in _chunks(part) if resumed else ():
            check.update(chunk)
        with part.open("ab" if resumed else "wb") as writer:
            for chunk in response.iter_content(CHUNK):
                check.update(chunk)
                writer.write(chunk)
                bar.update(base + check.size - bar.n)
    whole = response.headers.get("Transfer-Encoding", "").lower() == "chunked"
    if check.size < file.size and not whole:  # a chunked body tells its end, others may not
        raise requests.ConnectionError("the connection closed early")
    return check.finish()


def _receive(file: File, url: str, part: Path, bar: tqdm[None], base: int) -> None:
    """The rest of a file in a storage of fsspec."""
    check = _Check(file, url)
    for chunk in _chunks(part) if part.exists() else ():
        check.update(chunk)
    try:
        with part.open("ab") as writer:
            for chunk in remote.chunks(url, check.size, file.size):
                check.update(chunk)
                writer.write(chunk)
                bar.update(base + check.size - bar.n)
    except remote.SizeError as error:
        raise _wrong_size(file, f"found {error.args[0]:,} in the storage") from None
    return check.finish()


def _resumes_at(response: requests.Response, offset: int) -> bool:
    """True when the server sends the rest from `offset`; False when it sends the whole file."""
    sent = response.headers.get("Content-Range", "")
    return response.status_code == requests.codes.partial and sent.startswith(f"bytes {offset}-")


def _check_promise(file: File, response: requests.Response, *, resumed: bool) -> None:
    """Raise before the body when its headers tell another size than conf does."""
    headers = response.headers
    if resumed:
        found = headers.get("Content-Range", "").rpartition("/")[2]
    elif headers.get("Content-Encoding", "identity") == "identity":
        found = headers.get("Content-Length", "")
    else:
        return
    if found.isdecimal() and int(found) != file.size:
        raise _wrong_size(file, f"found {int(found):,} on the server")


def _short(file: File, response: requests.Response) -> IntegrityError:
    """What 416 means: the server's file ends before the bytes that were asked for."""
    found = response.headers.get("Content-Range", "").rpartition("/")[2]
    size = f"{int(found):,}" if found.isdecimal() else "fewer"
    return _wrong_size(file, f"found {size} on the server (416 when resuming)")


def _wrong_size(file: File, found: str) -> IntegrityError:
    return IntegrityError(
        f"expected {file.size:,} bytes, {found}",
        where=file.url,
        mend="correct size and sha256 in conf/dataset, or the URL; what was kept is deleted",
    )


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
