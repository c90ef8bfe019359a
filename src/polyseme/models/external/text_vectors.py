"""Word vectors as text: word2vec's and fastText's (.vec) with a header, GloVe's without.

One line a word: the word, then D numbers, one space between; `<words> <D>` stands first where
there is a header. Read as a stream, compressed or not. Every line is counted, so that a header that
lies is found even when only the first `max_words` are kept.

Shapes: V words, D dimensions, N lines of a block.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from polyseme.config import build, config
from polyseme.data.streams import open_text, read_lines
from polyseme.errors import DataError
from polyseme.models.common.table import Table
from polyseme.models.external.common import vectors
from polyseme.models.external.common.source import Bring, locate, refuse_pickle

MAX_CHARACTERS = 2**20
UNEVEN = ("  ", "\t", "\v", "\f")
"""With them a field may be no number or several, so that the faults of two lines cancel out."""
Line = tuple[int, str]


@config
class Config(vectors.VectorOptions):
    """Values of an item of conf/external with `module: text_vectors`."""

    header: bool
    """Whether the first line is `<words> <dimensions>`: word2vec and .vec true, GloVe false."""
    spaces_in_words: bool = False
    """Words may contain spaces (GloVe 840B): the last D fields are the vector."""


def read(options: Config, bring: Bring, out: Path) -> Table:
    """The table of the file.

    Raises:
        DataError: naming the line that cannot be used.
        IntegrityError: other bytes than promised.
    """
    path = locate(options, bring)
    refuse_pickle(path, vectors.GENSIM)
    collector = vectors.Collector(path, options, "line")
    text, raw = open_text(path)
    size, show = path.stat().st_size, bring.progress
    with text, tqdm(total=size, unit="B", unit_scale=True, disable=not show) as bar:
        lines = read_lines(text, where=path, max_characters=MAX_CHARACTERS)
        promised, lines = _start(lines, path, options)
        found = 0
        while block := list(islice(lines, vectors.BLOCK)):
            found += len(block)
            if collector.room >= 1:
                _add(block, collector, options, promised)
            bar.update(raw.consumed - bar.n)
    words, vectors_VD = collector.finish(promised[0] if options.header else None, found)
    return vectors.table(words, vectors_VD, options, out)


def _start(
    lines: Iterator[Line], path: Path, options: Config
) -> tuple[tuple[int, int], Iterator[Line]]:
    """(V, D) that the file promises, and the lines with vectors; V is 0 without a header."""
    number, first = next(lines, (1, ""))
    header = re.fullmatch(r"(\d{1,18}) (\d{1,9})", first.rstrip(" "))
    if options.header:
        if header is None:
            raise DataError(
                "no header `<words> <dimensions>`",
                where=f"{path}:1",
                mend="set `header: false` if the first line is a word and its vector",
            )
        return (int(header[1]), vectors.check_dim(int(header[2]), path)), lines
    if header is not None:
        raise DataError(
            f"{first!r} is a header, not a word and its vector",
            where=f"{path}:1",
            mend="set `header: true`",
        )
    dim = vectors.check_dim(first.rstrip(" ").count(" "), path)
    return (0, dim), _chain((number, first), lines)


def _chain(first: Line, rest: Iterator[Line]) -> Iterator[Line]:
    yield first
    yield from rest


def _add(
    block: list[Line], collector: vectors.Collector, options: Config, promised: tuple[int, int]
) -> None:
    """Split, parse and keep some lines."""
    dim = promised[1]
    split = [_split(line, dim, collector, options) for line in block]
    words, rests = [word for word, _ in split], [rest for _, rest in split]
    text = " ".join(["", *rests])
    values = _parse(text)
    if len(values) != len(words) * dim or any(mark in text for mark in UNEVEN):
        wrong = next((n for n, rest in enumerate(rests) if len(_parse(rest)) != dim), None)
        if wrong is not None:
            what = f"the vector of {words[wrong]!r} is not {dim:,} numbers"
            raise collector.error(what, block[wrong][0])
    collector.add(words, values.reshape(-1, dim), [number for number, _ in block])


def _split(line: Line, dim: int, collector: vectors.Collector, options: Config) -> tuple[str, str]:
    """The word and the numbers of a line."""
    number, text = line
    parts = text.rstrip(" ").split(" ")
    if len(parts) != dim + 1 and not (options.spaces_in_words and len(parts) > dim + 1):
        raise collector.error(
            f"{len(parts) - 1:,} numbers after the word, not {dim:,}",
            number,
            mend="get the file again; if words have spaces, set `spaces_in_words: true`",
        )
    word = " ".join(parts[:-dim])
    if not word:
        raise collector.error("no word before the vector", number)
    return word, " ".join(parts[-dim:])


def _parse(text: str) -> np.ndarray:
    """Numbers; none at all where something is no number."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # before numpy 2.3 it is no error
        try:
            return np.fromstring(text, dtype=np.float32, sep=" ")
        except (ValueError, DeprecationWarning):
            return np.zeros(0, np.float32)


def restore(card: dict[str, Any], folder: Path) -> Table:
    """The table of a card, its vectors still to be loaded."""
    options = build(Config, card["config"], file=str(folder))
    return vectors.restore_table(card, folder, options)
