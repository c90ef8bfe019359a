"""Where the bytes of an external representation come from, and that they are the promised ones.

Either `path` and `sha256`: a file or folder of the user's own; or `files`: pinned bytes that are
fetched as those of a data set are (mirror first, then URL; archives are extracted), where `path`
may name a member. Fetched files stay in .polyseme/external, so that several corpora share them.

Pickles are refused by their first bytes: reading one can run code.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import Field, model_validator

from polyseme.config import config
from polyseme.data.dataset import Dataset, File, Limits, Sha256
from polyseme.data.fetch import fetch
from polyseme.errors import DataError, IntegrityError, PolysemeError
from polyseme.runtime import manifest

PICKLE = tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6))
TORCH_ZIP = b"PK\x03\x04"


@config
class Source:
    """Origin of the bytes; each format adds how to read them."""

    module: str
    """Python module below src/polyseme/models/external that reads the format."""
    path: str | None = None
    """File or folder, from the project root; with `files`, a path among them."""
    sha256: Sha256 | None = None
    """Of the file; of a folder, what `polyseme sha256 <folder>` prints."""
    files: tuple[File, ...] = ()
    """Pinned bytes to fetch; null URL: only in POLYSEME_MIRROR/<name of the item>."""
    limits: Limits = Field(default_factory=Limits)
    """What an archive among the files may hold."""
    licence: str = "not stated"
    """Terms of the weights."""
    words_seen: Annotated[int, Field(ge=0)] | None = None
    """Running words seen in pre-training, as its authors state; null: not known."""

    @model_validator(mode="after")
    def _pinned(self) -> Source:
        if not self.files and not (self.path and self.sha256):
            raise ValueError("`path` with `sha256` (polyseme sha256 <path>), or `files`")
        if self.files and self.sha256:
            raise ValueError("`files`, each with its own sha256, or `sha256`")
        return self


class Bring(NamedTuple):
    """What is needed to get at the bytes.

    Attributes:
        name: of the item.
        kept: folder in which fetched files stay.
        mirror: see `polyseme.data.fetch.mirror_folder`.
        progress: show a bar.
    """

    name: str
    kept: Path
    mirror: Path | None
    progress: bool

    @property
    def conf(self) -> str:
        """The conf file, for messages."""
        return f"conf/external/{self.name}.yaml"


def locate(options: Source, bring: Bring) -> Path:
    """The verified file or folder.

    Raises:
        DataError: it is missing or empty.
        IntegrityError: its bytes are not those that conf promises.
    """
    if options.files:
        folder = _fetched(options, bring)
        only = options.files[0].name if len(options.files) == 1 else ""
        path = folder / (options.path or ("" if options.files[0].archive else only))
        require(path, bring)
        return path
    path = Path(str(options.path))
    require(path, bring)
    if path.is_dir():
        raise DataError("is a folder", where=path, mend=f"name a file in {bring.conf}")
    verify(path, str(options.sha256), digest(path), bring)
    return path


def digest(path: Path, names: Iterable[str] = ()) -> str:
    """sha256 of a file, or of the lines that `sha256sum` prints for files of a folder, by name.

    Args:
        names: the files of a folder that count.

    Raises:
        DataError: something else than a file: reading a pipe or a device would not end.
    """
    if not path.is_dir():
        return _sha256(path)
    lines = [f"{_sha256(path / name)}  {name}\n" for name in sorted(names)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _sha256(path: Path) -> str:
    if not path.is_file():
        raise DataError("is no file", where=path, mend="name a file")
    return manifest.sha256(path)


def verify(path: Path, expected: str, found: str, bring: Bring) -> None:
    """Compare two hashes.

    Raises:
        IntegrityError: they differ.
    """
    if expected != found:
        raise IntegrityError(
            f"expected sha256 {expected}, found {found}",
            where=path,
            mend=f"get the file again, or correct {bring.conf}",
        )


def refuse_pickle(path: Path, convert: str, magic: tuple[bytes, ...] = PICKLE) -> None:
    """Raise when a file begins as a pickle does.

    Args:
        convert: a command that turns it into what is read here.
    """
    with path.open("rb") as stream:
        begin = stream.read(4)
    if begin.startswith(magic):
        raise DataError(
            "is a pickle, which can run code when it is read",
            where=path,
            mend=f"convert it where you trust it: {convert}",
        )


def require(path: Path, bring: Bring) -> None:
    """Raise when there is nothing.

    Raises:
        DataError: no such path, or an empty file.
    """
    if not path.exists():
        raise DataError("does not exist", where=path, mend=f"check `path` in {bring.conf}")
    if path.is_file() and not path.stat().st_size:
        raise DataError("is empty", where=path, mend="get the file again")


def _fetched(options: Source, bring: Bring) -> Path:
    """Folder with the verified bytes of `files`."""
    key = manifest.canonical([dataclasses.asdict(file) for file in options.files])[:16]
    folder = bring.kept / key
    if folder.exists():
        manifest.verify(folder)
        return folder
    temporary = folder.with_name(f".{key}.tmp-{os.getpid()}")
    temporary.mkdir(parents=True)
    dataset = Dataset(
        title=bring.name,
        files=options.files,
        licence=options.licence,
        redistributable="unclear",
        citation="",
        limits=options.limits,
    )
    try:
        fetch(
            dataset,
            bring.name,
            out=temporary,
            downloads=bring.kept / "downloads",
            mirror=bring.mirror,
            progress=bring.progress,
        )
        manifest.write(temporary, stage=f"external@{bring.name}", inputs={})
        temporary.replace(folder)
    except PolysemeError as error:  # the data set is this item's own
        where, mend = (
            text.replace("conf/dataset", "conf/external") for text in (error.where, error.mend)
        )
        raise type(error)(error.what, where=where, mend=mend) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder
