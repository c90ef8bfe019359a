"""Files in storage that fsspec knows: S3, Google Cloud, Azure, a folder of this machine.

Credentials, endpoints and other options of a storage come from where its own library looks for
them (`~/.aws`, `AWS_*`, `GOOGLE_APPLICATION_CREDENTIALS`, ...) or from fsspec's configuration
(`FSSPEC_S3_ENDPOINT_URL=...`), never from conf/. Libraries put requests, with keys in them, into
the text of their errors: messages here give only the kind of an error.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import fsspec

from polyseme.errors import ConfigError, DataError

PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "az": "adlfs", "file": "", "memory": ""}
"""Package that fsspec needs for a protocol."""
STEP = 2**20


class DroppedError(Exception):
    """A failure that may pass: the message is the kind of the library's error."""


def is_remote(url: str) -> bool:
    """Whether the URL is for fsspec, not for HTTP."""
    return url.partition("://")[0] in PACKAGES


def chunks(url: str, offset: int = 0, expected: int | None = None) -> Iterator[bytes]:
    """Bytes of a file from `offset`.

    Args:
        expected: size that the file has to have; nothing is read of one with another size.

    Raises:
        ConfigError: the package of the protocol is missing.
        DataError: no such file, or one that may not be read.
        SizeError: another size.
        DroppedError: anything else; trying again may help.
    """
    try:
        storage, path = _storage(url)
        size = storage.info(path)["size"]
        if expected is not None and size not in (None, expected):
            raise SizeError(size)
        with storage.open(path, "rb", cache_type="readahead", block_size=STEP) as file:
            file.seek(offset)
            while chunk := file.read(STEP):
                yield chunk
    except (ConfigError, SizeError):
        raise
    except FileNotFoundError:
        raise DataError("there is no such file", where=url, mend="check the URL") from None
    except Exception as error:
        kind = type(error).__name__
        if isinstance(error, PermissionError) or "Credential" in kind:
            mend = "check the credentials that the storage's own tools use"
            raise DataError(f"may not be read ({kind})", where=url, mend=mend) from None
        raise DroppedError(kind) from None


class SizeError(Exception):
    """The file has another size than expected; the argument is its size."""


def _storage(url: str) -> tuple[Any, str]:
    protocol = url.partition("://")[0]
    try:
        found: tuple[Any, str] = fsspec.core.url_to_fs(url, skip_instance_cache=True)
    except ImportError:
        package = PACKAGES[protocol]
        raise ConfigError(
            f"{protocol}:// needs the package {package}", where=url, mend=f"pip install {package}"
        ) from None
    return found


def pinned(url: str) -> tuple[int, str]:
    """Size and sha256 of a file.

    Raises:
        DataError: it cannot be read.
    """
    digest, size = hashlib.sha256(), 0
    try:
        for chunk in chunks(url):
            digest.update(chunk)
            size += len(chunk)
    except DroppedError as error:
        raise DataError(f"reading failed ({error})", where=url, mend="try again") from None
    return size, digest.hexdigest()
