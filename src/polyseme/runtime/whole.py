"""Files and folders that appear whole, or not at all: made beside their place, then moved there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def beside(path: Path) -> Path:
    """Where this process makes what will stand at `path`."""
    return path.with_name(f".{path.name}.tmp-{os.getpid()}")


def write_text(path: Path, text: str) -> None:
    """Write a file, in place of an earlier one.

    Raises:
        OSError: it cannot be written; what was there is still there.
    """
    temporary = beside(path)
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def put(folder: Path, path: Path) -> None:
    """Move a finished folder to its place, where an earlier one may stand."""
    if path.exists():
        old = path.with_name(f".{path.name}.tmp-old-{os.getpid()}")
        path.rename(old)
        folder.replace(path)
        shutil.rmtree(old)
    else:
        folder.replace(path)
