"""A data set is one conf file: which bytes, from where, under which licence. No python needed."""

from __future__ import annotations

import dataclasses
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from polyseme.config import config
from polyseme.urls import has_secret

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def inside(path: str) -> str:
    """A relative path that stays in its folder."""
    parts = PurePosixPath(path).parts
    if not parts or ".." in parts or parts[0] == "/":
        raise ValueError("a path inside the folder")
    return path


def without_secret(url: str) -> str:
    """A URL that holds no credentials: it is written to many places."""
    if has_secret(url):
        raise ValueError("a URL without user name, password, key or signature (docs/scale.md)")
    return url


Inside = Annotated[str, AfterValidator(inside)]
Url = Annotated[
    str, Field(pattern=r"^(https?|s3|gs|az|file|memory)://."), AfterValidator(without_secret)
]
Positive = Annotated[int, Field(gt=0)]


@config
class File:
    """One file of a data set."""

    name: Inside
    """Path inside the data set's folder, and inside its mirror folder."""
    size: Annotated[int, Field(ge=0)]
    """Bytes."""
    sha256: Sha256
    url: Url | None = None
    """Where the bytes are public; null: only in the package or the mirror."""
    archive: bool = False
    """A zip or tar: its members are extracted into the data set's folder, it is not kept."""


@config
class Limits:
    """What an archive may hold; more is refused."""

    max_members: Positive = 10_000
    max_bytes: Positive = 4 * 2**30
    """Uncompressed bytes of all members together."""
    max_expansion: Positive = 100
    """Uncompressed bytes for each compressed byte (a zip: of each member)."""


@config
class Dataset:
    """Bytes, their origin and their terms."""

    title: str
    files: Annotated[tuple[File, ...], Field(min_length=1)]
    licence: str
    redistributable: str
    """`yes`, `no` or `unclear`, with the reason."""
    citation: str
    homepage: str | None = None
    splits: dict[str, str] = Field(default_factory=dict)
    """Split name to file name, where the data set has official splits."""
    base_url: Url | None = None
    """Where files without a URL of their own lie: `<base_url>/<name>`."""
    mirror: Inside | None = None
    """Folder inside POLYSEME_MIRROR; null: the name of the data set."""
    mirror_archive: Inside | None = None
    """Archive inside POLYSEME_MIRROR that holds files of the data set under their names."""
    package: Literal["gensim"] | None = None
    """Installed package that ships the files as test data."""
    limits: Limits = Field(default_factory=Limits)

    def __post_init__(self) -> None:
        """Files are named once, and splits name files."""
        names = [file.name for file in self.files]
        if len(set(names)) < len(names):
            raise ValueError("each file named once")
        has_archive = any(file.archive for file in self.files)
        for split, name in self.splits.items():
            if name not in names and not has_archive:
                raise ValueError(f"split {split!r} to be one of {', '.join(names)}")

    def located(self, file: File) -> File:
        """The file, with the URL that follows from `base_url` if it has none of its own."""
        if self.base_url is None or file.url is not None:
            return file
        return dataclasses.replace(file, url=f"{self.base_url}/{file.name}")
