"""Manifests: the sha256 of every file of an artifact, written beside it and checked before use.

DVC hashes outputs, but it checks out a damaged cache object without a word; so each artifact folder
carries sha256.json, and every stage verifies its inputs when it starts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from polyseme.errors import IntegrityError

NAME = "sha256.json"


def sha256(path: Path) -> str:
    """Hex sha256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def canonical(value: Any) -> str:
    """Hex sha256 of plain data, independent of the order of keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def write(folder: Path, *, stage: str, inputs: Mapping[str, str]) -> str:
    """Describe all files below `folder` in its manifest.

    Args:
        stage: name of the stage that made it.
        inputs: path of each input folder and its digest, for lineage.

    Returns:
        The digest of the folder.
    """
    files = {
        path.relative_to(folder).as_posix(): {"sha256": sha256(path), "bytes": path.stat().st_size}
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / NAME
    }
    content = {"files": files, "inputs": dict(inputs), "stage": stage}
    (folder / NAME).write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
    return canonical(files)


def read(folder: Path) -> dict[str, Any]:
    """The manifest of a folder.

    Raises:
        IntegrityError: there is none, or it is not readable.
    """
    try:
        content: dict[str, Any] = json.loads((folder / NAME).read_text())
        content["files"].items()
    except FileNotFoundError:
        raise IntegrityError("has no manifest", where=folder, mend=_again(folder)) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise IntegrityError("is not readable", where=folder / NAME, mend=_again(folder)) from None
    return content


def digest(folder: Path) -> str:
    """One hash for all files of a folder, as its manifest lists them."""
    return canonical(read(folder)["files"])


def verify(folder: Path) -> str:
    """Check every file of a folder against its manifest.

    Returns:
        The digest of the folder.

    Raises:
        IntegrityError: naming the first file that is missing, too many or different.
    """
    files = read(folder)["files"]
    for name, expected in files.items():
        path = folder / name
        if not path.is_file():
            raise IntegrityError("is missing", where=path, mend=_again(folder))
        if path.stat().st_size != expected["bytes"] or sha256(path) != expected["sha256"]:
            raise IntegrityError("differs from its manifest", where=path, mend=_again(folder))
    present = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    if surplus := sorted(present - files.keys() - {NAME}):
        raise IntegrityError("is not in the manifest", where=folder / surplus[0], mend="delete it")
    return canonical(files)


def _again(folder: Path) -> str:
    return f"delete {folder} and run `dvc repro` to make it again"
