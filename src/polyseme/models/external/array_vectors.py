"""Word vectors as a numpy array and a list of words; nothing is unpickled.

A .npy file (V x D floats) with a text file that has one word a line in the order of the rows, or
one .npz file with the arrays `vectors` and `words`. From gensim:

    np.save("vectors.npy", kv.vectors); Path("words.txt").write_text("\\n".join(kv.index_to_key))
    np.savez("vectors.npz", vectors=kv.vectors, words=np.array(kv.index_to_key))

Shapes: V words, D dimensions.
"""

from __future__ import annotations

import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import model_validator

from polyseme.config import build, config
from polyseme.data.dataset import Sha256, inside
from polyseme.data.streams import open_text, read_lines
from polyseme.errors import DataError
from polyseme.models.common.table import Table
from polyseme.models.external.common import source, vectors
from polyseme.models.external.common.source import Bring, locate, refuse_pickle

MAX_CHARACTERS = 2**14
BROKEN = (
    ValueError, OSError, EOFError, MemoryError, RuntimeError, zipfile.BadZipFile, zlib.error,
    tokenize.TokenError,
)  # fmt: skip
"""What numpy and zipfile raise for damaged, encrypted or lying files."""
CONVERT = "np.savez('new.npz', vectors=kv.vectors, words=np.array(kv.index_to_key))"


@config
class Config(vectors.VectorOptions):
    """Values of an item of conf/external with `module: array_vectors`."""

    words: str | None = None
    """Text file with one word a line, for .npy; null: the .npz has them."""
    words_sha256: Sha256 | None = None
    """Of that file; not needed with `files`."""

    @model_validator(mode="after")
    def _words_pinned(self) -> Config:
        if self.words and not self.files and self.words_sha256 is None:
            raise ValueError("`words` with `words_sha256`")
        if self.words and self.files:
            inside(self.words)
        return self


def read(options: Config, bring: Bring, out: Path) -> Table:
    """The table of the arrays.

    Raises:
        DataError: naming what cannot be used.
        IntegrityError: other bytes than promised.
    """
    path = locate(options, bring)
    refuse_pickle(path, CONVERT)
    arrays_VD, words = _load(path)
    if options.words:
        words = _read_words(_words_file(options, path, bring))
    if words is None:
        raise DataError("has no words", where=path, mend=f"set `words`, or: {CONVERT}")
    if arrays_VD.ndim != 2 or arrays_VD.dtype.kind != "f":  # noqa: PLR2004
        what = f"holds {arrays_VD.dtype} of shape {list(arrays_VD.shape)}, not words x dimensions"
        raise DataError(what, where=path, mend="save kv.vectors")
    vectors.check_dim(arrays_VD.shape[1], path)
    if len(words) != len(arrays_VD):
        what = f"{len(arrays_VD):,} vectors, but {len(words):,} words"
        raise DataError(what, where=path, mend="save both anew")
    collector = vectors.Collector(path, options, "word")
    for start in range(0, len(words), vectors.BLOCK):
        block = words[start : start + vectors.BLOCK]
        places = range(start + 1, start + len(block) + 1)
        collector.add(block, arrays_VD[start : start + len(block)], places)
    kept, vectors_VD = collector.finish(None, len(words))
    return vectors.table(kept, vectors_VD, options, out)


def _words_file(options: Config, path: Path, bring: Bring) -> Path:
    """The verified file of words; with `files` it lies beside the vectors."""
    words = Path(str(options.words))
    if options.files:
        words = path.parent / words
    if not words.is_file():
        raise DataError("does not exist", where=words, mend=f"check `words` in {bring.conf}")
    if not options.files:
        source.verify(words, str(options.words_sha256), source.digest(words), bring)
    return words


def _load(path: Path) -> tuple[np.ndarray, list[str] | None]:
    """Vectors, mapped into memory where they lie alone, and words."""
    try:
        loaded = np.load(path, mmap_mode="r", allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded, None
        with loaded:
            return _array(loaded, "vectors", path), _texts(_array(loaded, "words", path), path)
    except BROKEN as error:
        reason = str(error) or type(error).__name__
        raise DataError(f"is no array of numbers ({reason})", where=path, mend=CONVERT) from None


def _array(loaded: Mapping[str, Any], name: str, path: Path) -> np.ndarray:
    """One array of an .npz; a member of another format is bytes."""
    found = loaded.get(name)
    if not isinstance(found, np.ndarray):
        raise DataError(f"has no array {name!r}", where=path, mend=CONVERT)
    return found


def _texts(array: np.ndarray, path: Path) -> list[str]:
    """Words of an array."""
    if array.ndim != 1 or array.dtype.kind != "U":
        what = f"its words are {array.dtype} of shape {list(array.shape)}, not a list of texts"
        raise DataError(what, where=path, mend=CONVERT)
    words = [str(word) for word in array]
    "\n".join(words).encode()  # half a surrogate pair is a ValueError
    return words


def _read_words(path: Path) -> list[str]:
    text, _ = open_text(path)
    with text:
        return [word for _, word in read_lines(text, where=path, max_characters=MAX_CHARACTERS)]


def restore(card: dict[str, Any], folder: Path) -> Table:
    """The table of a card, its vectors still to be loaded."""
    options = build(Config, card["config"], file=str(folder))
    return vectors.restore_table(card, folder, options)
