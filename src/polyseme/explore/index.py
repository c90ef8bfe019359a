"""Vectors of the sampled occurrences in every layer, made once and kept by content.

What all vectors of a layer have in common makes every cosine large (Mu & Viswanath 2018), so their
mean is taken off before lengths are made 1. A file is named by the hash of all that it follows from
(weights, corpus, sources) and appears whole; `.polyseme/explore` may be deleted at any time.

Shapes: L layers, N occurrences, V word types, D dimensions.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor
from torch.nn.functional import normalize

from polyseme import paths
from polyseme.explore import sample as sampling
from polyseme.explore.sample import Sample
from polyseme.models.base import Representation
from polyseme.runtime.manifest import canonical
from polyseme.runtime.settings import versions
from polyseme.transfer.identity import source_hash

FOLDER = paths.SCRATCH / "explore"
SUFFIX = ".safetensors"
MAX_BYTES = 2**28
"""Of one index; a representation that is wide and deep has fewer occurrences."""
CHUNK = 256
"""Sentences that are encoded between two steps of the progress bar."""
Step = Callable[[int], object]


class Index:
    """Occurrences of one contextual representation.

    Args:
        sample: the occurrences.
        unit_LND: their vectors without the mean, of length 1.
        mean_LD: the mean.
    """

    def __init__(self, sample: Sample, unit_LND: Tensor, mean_LD: Tensor) -> None:
        self.sample, self.unit_LND, self.mean_LD = sample, unit_LND, mean_LD
        self.words = sample.words
        self.row_of_word = {word: row for row, word in enumerate(self.words)}
        rows_N = torch.tensor([self.row_of_word[o.word] for o in sample.occurrences])
        self.type_of_N = rows_N
        sums_LVD = unit_LND.new_zeros(len(unit_LND), len(self.words), unit_LND.shape[-1])
        self.types_LVD = normalize(sums_LVD.index_add(1, rows_N, unit_LND), dim=-1)
        """Mean direction of each word type."""

    def centred(self, h_LTD: Tensor) -> Tensor:
        """Unit vectors without the mean of the sample."""
        return normalize(h_LTD - self.mean_LD[:, None], dim=-1)

    def cosines(self, h_LD: Tensor) -> Tensor:
        """Cosines with all occurrences, LN."""
        return (self.unit_LND @ self.centred(h_LD[:, None]).mT)[..., 0]


def fitting(sample: Sample, representation: Representation) -> Sample:
    """As much of the sample as MAX_BYTES hold."""
    size = representation.num_layers * representation.dim * np.dtype(np.float32).itemsize
    return sample.head(MAX_BYTES // size)


def build(representation: Representation, sample: Sample, step: Step = lambda n: None) -> Index:
    """Encode every sentence of the sample by itself.

    Args:
        step: called with the number of sentences that were encoded since the last call.
    """
    by_sentence: dict[int, list[int]] = {}
    for n, occurrence in enumerate(sample.occurrences):
        by_sentence.setdefault(occurrence.sentence, []).append(n)
    h_LND = torch.zeros(representation.num_layers, len(sample.occurrences), representation.dim)
    for start in range(0, len(sample.sentences), CHUNK):
        chunk = sample.sentences[start : start + CHUNK]
        for number, h_LTD in enumerate(representation.encode(chunk), start):
            for n in by_sentence.get(number, ()):
                h_LND[:, n] = h_LTD[:, sample.occurrences[n].place]
        step(len(chunk))
    mean_LD = h_LND.mean(1)
    return Index(sample, normalize(h_LND - mean_LD[:, None], dim=-1), mean_LD)


def key(digest: str, corpus: str, module: ModuleType) -> str:
    """Hash of all that an index follows from.

    Args:
        digest: of the representation's artifact.
        corpus: digest of the corpus.
        module: source of the representation.
    """
    sources = source_hash(module, sampling, sys.modules[__name__])
    return canonical([digest, corpus, sources, versions(), MAX_BYTES])


def read(folder: Path, name: str, sample: Sample) -> Index | None:
    """The index of this key; None where there is none that is whole."""
    for path in folder.glob(f"{name}-*{SUFFIX}"):
        with suppress(OSError, SafetensorError, KeyError):
            content = path.read_bytes()
            if path.name == _named(name, content):
                found = load(content)
                return Index(sample, found["unit_LND"], found["mean_LD"])
    return None


def write(folder: Path, name: str, index: Index) -> None:
    """Keep an index in place of those that were there."""
    folder.mkdir(parents=True, exist_ok=True)
    content = save({"unit_LND": index.unit_LND, "mean_LD": index.mean_LD})
    path = folder / _named(name, content)
    temporary = folder / f"{path.name}.tmp-{os.getpid()}"
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    for other in folder.glob(f"*{SUFFIX}"):
        if other != path:
            other.unlink(missing_ok=True)


def _named(name: str, content: bytes) -> str:
    """The name says what the bytes are, so that damage is seen."""
    return f"{name}-{hashlib.sha256(content).hexdigest()[:16]}{SUFFIX}"
