"""Word vectors in word2vec's binary format.

`<words> <D>\\n`, then for each word its bytes, a space, and D little-endian float32; some writers
put a newline before each further word. Read as a stream, compressed or not. The whole file is read,
so that a header that lies is found even when only the first `max_words` are kept.

Shapes: N words of a block, D dimensions.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from tqdm import tqdm

from polyseme.config import build, config
from polyseme.data.streams import CheckedStream
from polyseme.errors import DataError
from polyseme.models.common.table import Table
from polyseme.models.external.common import vectors
from polyseme.models.external.common.source import Bring, locate, refuse_pickle

CHUNK = 2**20
MAX_HEADER = 64
MAX_WORD = 2**14
FLOAT = np.dtype("<f4")


@config
class Config(vectors.VectorOptions):
    """Values of an item of conf/external with `module: binary_vectors`."""


def read(options: Config, bring: Bring, out: Path) -> Table:
    """The table of the file.

    Raises:
        DataError: naming the word that cannot be used.
        IntegrityError: other bytes than promised.
    """
    path = locate(options, bring)
    refuse_pickle(path, vectors.GENSIM)
    collector = vectors.Collector(path, options, "word")
    raw = CheckedStream(path)
    buffered: BinaryIO = io.BufferedReader(raw, CHUNK)
    size, show = path.stat().st_size, bring.progress
    with (
        buffered as stream,
        tqdm(total=size, unit="B", unit_scale=True, disable=not show) as bar,
    ):
        promised, dim = _header(stream, path)
        records, found = _records(stream, dim, collector), 0
        while block := list(islice(records, vectors.BLOCK)):
            if collector.room >= 1:
                _add(block, found, collector)
            found += len(block)
            bar.update(raw.consumed - bar.n)
    words, vectors_VD = collector.finish(promised, found)
    return vectors.table(words, vectors_VD, options, out)


def _header(stream: BinaryIO, path: Path) -> tuple[int, int]:
    """Words and dimensions that the file promises."""
    header = re.fullmatch(rb"(\d{1,18}) (\d{1,9})\s*\n", stream.readline(MAX_HEADER))
    if header is None:
        raise DataError(
            "no header `<words> <dimensions>`",
            where=path,
            mend="for text use `module: text_vectors`, for fastText's .bin `fasttext_binary`",
        )
    return int(header[1]), vectors.check_dim(int(header[2]), path)


def _records(
    stream: BinaryIO, dim: int, collector: vectors.Collector
) -> Iterator[tuple[bytes, bytes]]:
    """Word and vector, as bytes."""
    size, buffer, at, number = dim * FLOAT.itemsize, b"", 0, 1
    while True:
        space = buffer.find(b" ", at)
        if space >= 0 and len(buffer) - space > size:
            at, start = space + 1 + size, at
            yield buffer[start:space].lstrip(b"\n"), buffer[space + 1 : at]
            number += 1
            continue
        buffer, at = buffer[at:], 0
        if space < 0 and len(buffer) > MAX_WORD:
            raise collector.error(f"no end within {MAX_WORD:,} bytes", number)
        more = stream.read(CHUNK)
        if not more:
            if buffer.strip(b"\n"):
                raise collector.error("the file ends inside it: truncated", number)
            return
        buffer += more


def _add(block: list[tuple[bytes, bytes]], before: int, collector: vectors.Collector) -> None:
    """Decode and keep some records."""
    places = range(before + 1, before + len(block) + 1)
    words = [
        vectors.decode(word, collector, place)
        for (word, _), place in zip(block, places, strict=True)
    ]
    values = np.frombuffer(b"".join(vector for _, vector in block), dtype=FLOAT)
    collector.add(words, values.reshape(len(block), -1), places)


def restore(card: dict[str, Any], folder: Path) -> Table:
    """The table of a card, its vectors still to be loaded."""
    options = build(Config, card["config"], file=str(folder))
    return vectors.restore_table(card, folder, options)
