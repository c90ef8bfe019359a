"""`polyseme embed`: vectors of the sentences of a text file, as one numpy array.

Sentences are lines. The array is float32: (sentences, D) of means over words, or (words, D) with a
table of line, place and word beside it. Marks of a text that ends with a newline are no line. The
array appears last, whole or not at all.

Shapes: N sentences or words, T words of a sentence, D dimensions.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from tqdm import tqdm

from polyseme.data.streams import CheckedStream
from polyseme.data.text import normalize
from polyseme.data.words import WordSplitter
from polyseme.errors import ConfigError, DataError
from polyseme.explore.project import Project, layer_of
from polyseme.models.base import Representation
from polyseme.runtime.settings import Runtime
from polyseme.training.determinism import make_deterministic

CHUNK = 512
"""Sentences that are in memory at once."""
MAX_LINE_BYTES = 2**20
INDEX_SUFFIX = ".words.tsv"
BOM = b"\xef\xbb\xbf"


def embed(project: Project, file: Path, out: Path, *, layer: int | None, pooling: str) -> str:
    """Write the vectors of a file's sentences by the last representation of the project.

    Args:
        pooling: `mean` or `words`.

    Returns:
        A line that says what was written.

    Raises:
        ConfigError: the output cannot stand there.
        DataError: a line is empty, not UTF-8 or too long; names it.
    """
    _check_out(file, out)
    name = project.names[-1]
    make_deterministic(Runtime(num_threads=1))
    splitter = WordSplitter(project.language)
    lengths = [len(words) for words in sentences(file, splitter)]
    if not lengths:
        raise DataError("has no line", where=file, mend="write one sentence a line")
    model = project.open(name)
    chosen = layer_of(name, model.num_layers, layer)
    num_rows = len(lengths) if pooling == "mean" else sum(lengths)
    paths = [out.with_name(f".{out.name}.{part}.tmp-{os.getpid()}") for part in ("index", "array")]
    try:
        array_ND = np.lib.format.open_memmap(
            paths[1], mode="w+", dtype=np.float32, shape=(num_rows, model.dim)
        )
        with tqdm(total=len(lengths), desc="embed", unit="sentence", disable=None) as bar:
            row = 0
            for h_TLD in _encoded(model, sentences(file, splitter), bar.update):
                rows = _pooled(h_TLD[:, chosen], pooling)
                array_ND[row : row + len(rows)] = rows
                row += len(rows)
        array_ND.flush()
        index = _write_index(paths[0], sentences(file, splitter)) if pooling == "words" else None
        if index:
            index.replace(out.with_name(out.name + INDEX_SUFFIX))
        paths[1].replace(out)
    finally:
        for path in paths:
            path.unlink(missing_ok=True)
    unit = "sentences" if pooling == "mean" else "words"
    return f"{out}: {num_rows:,} {unit} x {model.dim} dimensions, {name}, layer {chosen}"


def _check_out(file: Path, out: Path) -> None:
    mend = "choose another file"
    if not out.parent.is_dir():
        raise ConfigError("is no folder", where=out.parent, mend="make it first")
    if out.is_dir():
        raise ConfigError("is a folder", where=out, mend=mend)
    if file.exists() and any(
        path.exists() and path.samefile(file)
        for path in (out, out.with_name(out.name + INDEX_SUFFIX))
    ):
        raise ConfigError("is the file that is read", where=out, mend=mend)


def sentences(file: Path, splitter: WordSplitter) -> Iterator[list[str]]:
    """Words of each line.

    Raises:
        DataError: naming the first line that is empty, not UTF-8 or too long.
    """
    with CheckedStream(file) as raw:
        number = 0
        lines = io.BufferedReader(raw, 2**16)
        while line := lines.readline(MAX_LINE_BYTES + 1):
            number += 1
            text = _decoded(line, f"{file}:{number}", is_first=number == 1)
            words = splitter.words(normalize(text))
            if not words:
                mend = "delete the line, or write a sentence"
                raise DataError("line is empty", where=f"{file}:{number}", mend=mend)
            yield words


def _decoded(line: bytes, where: str, *, is_first: bool) -> str:
    if len(line) > MAX_LINE_BYTES:
        mend = "split the line"
        raise DataError(f"line longer than {MAX_LINE_BYTES:,} bytes", where=where, mend=mend)
    mend = "convert the file, for example: iconv -f LATIN1 -t UTF-8 old > new"
    try:
        text = line.removeprefix(BOM).decode() if is_first else line.decode()
    except UnicodeDecodeError as error:
        what = f"not UTF-8: byte 0x{line[error.start]:02x}"
        raise DataError(what, where=where, mend=mend) from None
    if "\0" in text:
        mend = "a UTF-16 file needs `iconv -f UTF-16 -t UTF-8`; a binary file is no text"
        raise DataError("NUL byte in text", where=where, mend=mend)
    return text


def _encoded(
    model: Representation, texts: Iterator[list[str]], step: Callable[[int], object]
) -> Iterator[np.ndarray]:
    """Vectors h_TLD of each sentence, a chunk at a time."""
    while chunk := list(islice(texts, CHUNK)):
        yield from (h_LTD.transpose(0, 1).numpy() for h_LTD in model.encode(chunk))
        step(len(chunk))


def _pooled(h_TD: np.ndarray, pooling: str) -> np.ndarray:
    return h_TD.mean(0, keepdims=True) if pooling == "mean" else h_TD


def _write_index(path: Path, texts: Iterator[Sequence[str]]) -> Path:
    """Rows of the array: line (from 1), place in the line (from 0), word."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(
            stream, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, quotechar=None
        )
        rows.writerow(("line", "place", "word"))
        for line, words in enumerate(texts, 1):
            rows.writerows((line, place, word) for place, word in enumerate(words))
    return path
