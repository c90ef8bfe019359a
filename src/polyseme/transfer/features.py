"""Vectors of sentences, encoded once and kept on disk.

A file holds the vectors of some texts under one representation, words side by side, and is named by
the hash of everything that they follow from: weights, texts, source of the model's module,
processor. So nothing in it can be out of date, and the folder may be deleted at any time. Files
appear whole; two processes that make the same one write the same bytes. A file whose bytes differ
from its sha256 is made again. The oldest ones go when there are more bytes than the setting allows.
Numbers are kept as float32, or in half the bytes as float16 or bfloat16.

Shapes: N words of all sentences, L layers, D dimensions.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np
import psutil
import torch
from torch import Tensor

from polyseme import paths
from polyseme.data.words import told_apart
from polyseme.errors import DataError
from polyseme.models.base import Representation, Words
from polyseme.runtime.manifest import canonical, sha256
from polyseme.transfer.encoded import Encoded

CHUNK = 2048
"""Sentences that are encoded before their vectors are written."""
Kind = Literal["float32", "float16", "bfloat16"]
STORED = {"float32": np.float32, "float16": np.float16, "bfloat16": np.int16}
"""numpy has no bfloat16: its bits are kept."""


class FeatureCache:
    """Vectors on disk, mapped into memory.

    Args:
        identity: what all vectors follow from besides representation and texts.
        max_bytes: of all files together; 0 keeps none.
        kind: type of the numbers on disk.
    """

    def __init__(
        self,
        identity: Mapping[str, Any],
        max_bytes: int,
        folder: Path = paths.SCRATCH / "features",
        *,
        kind: Kind = "float32",
    ) -> None:
        self.identity, self.max_bytes, self.folder = dict(identity), max_bytes, folder
        self.kind = kind

    def encode(
        self, load: Callable[[], Representation], sentences: Sequence[Words]
    ) -> Sequence[Tensor]:
        """`load().encode(sentences)`, from disk if it is there.

        Args:
            load: gives the representation of `identity`; called only if it is needed.

        Returns:
            One h_LTD for each sentence, float32; not to be written to.

        Raises:
            DataError: a number is too large for the type.
        """
        name = canonical(
            {**self.identity, "kind": self.kind, "texts": [told_apart(s) for s in sentences]}
        )
        lengths = [len(s) for s in sentences]
        words_NLD = self._read(name, sum(lengths))
        if words_NLD is None:
            words_NLD = self._make(name, load(), sentences)
        return Encoded(words_NLD, lengths)

    def _read(self, name: str, num_words: int) -> Tensor | None:
        path = self.folder / f"{name}.npy"
        try:
            note = json.loads(path.with_suffix(".json").read_text())
            found = np.load(path, mmap_mode="r")
            if sha256(path) != note["sha256"] or found.ndim != 3 or len(found) != num_words:  # noqa: PLR2004
                return None
            for touched in (path, path.with_suffix(".json")):
                os.utime(touched)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return self._tensor(found)

    def _make(self, name: str, model: Representation, sentences: Sequence[Words]) -> Tensor:
        shape = sum(map(len, sentences)), model.num_layers, model.dim
        if not shape[0] or self._size(shape) > self.max_bytes:
            return self._in_memory(model, sentences, shape)
        try:
            return self._write(name, model, sentences, shape)
        except OSError as error:
            print(f"warning: vectors are not kept ({error})", file=sys.stderr)
            return self._in_memory(model, sentences, shape)

    def _in_memory(
        self, model: Representation, sentences: Sequence[Words], shape: tuple[int, ...]
    ) -> Tensor:
        words_NLD = torch.zeros(shape, dtype=getattr(torch, self.kind))
        _fill(words_NLD, model, sentences)
        return words_NLD

    def _size(self, shape: tuple[int, ...]) -> int:
        return int(np.prod(shape)) * np.dtype(STORED[self.kind]).itemsize

    def _write(
        self, name: str, model: Representation, sentences: Sequence[Words], shape: tuple[int, ...]
    ) -> Tensor:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._make_room(self._size(shape))
        path = self.folder / f"{name}.npy"
        temporary = self.folder / f"{name}.tmp-{os.getpid()}"
        try:
            stored = np.dtype(STORED[self.kind])
            made = np.lib.format.open_memmap(temporary, mode="w+", dtype=stored, shape=shape)
            _fill(self._tensor(made), model, sentences)
            made.flush()
            note = json.dumps({"sha256": sha256(temporary)})
            note_path = self.folder / f"{name}.note-{os.getpid()}"
            note_path.write_text(note)
            temporary.replace(path)
            note_path.replace(path.with_suffix(".json"))
        finally:
            temporary.unlink(missing_ok=True)
        return self._tensor(made)

    def _tensor(self, array: np.ndarray) -> Tensor:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
            return torch.from_numpy(array).view(getattr(torch, self.kind))

    def _make_room(self, needed: int) -> None:
        """Forget the files that were not used for longest; a mapped one stays readable.

        What a killed process left half written goes first.
        """
        for path in (*self.folder.glob("*.tmp-*"), *self.folder.glob("*.note-*")):
            if not psutil.pid_exists(int(path.name.rpartition("-")[2])):
                path.unlink(missing_ok=True)
        found = []
        for path in self.folder.glob("*.npy"):
            with suppress(OSError):
                status = path.stat()
                found.append((status.st_mtime_ns, status.st_size, path))
        total = needed + sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= self.max_bytes:
                break
            for gone in (path.with_suffix(".json"), path):
                gone.unlink(missing_ok=True)
            total -= size


def _fill(words_NLD: Tensor, model: Representation, sentences: Sequence[Words]) -> None:
    """Encode sentences of similar length together, and put each where it belongs."""
    lengths = [len(s) for s in sentences]
    starts = np.cumsum(lengths) - lengths
    order = sorted(range(len(sentences)), key=lambda i: (lengths[i], i))
    for at in range(0, len(order), CHUNK):
        chosen = order[at : at + CHUNK]
        for i, h_LTD in zip(chosen, model.encode([sentences[i] for i in chosen]), strict=True):
            kept_TLD = words_NLD[starts[i] : starts[i] + lengths[i]]
            kept_TLD[:] = h_LTD.transpose(0, 1)
            if not kept_TLD.isfinite().all() and h_LTD.isfinite().all():
                raise DataError(
                    f"a vector has numbers too large for {words_NLD.dtype}",
                    mend="set runtime.feature_type to float32 or bfloat16",
                )
