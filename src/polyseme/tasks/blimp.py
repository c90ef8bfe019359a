"""BLiMP (Warstadt et al. 2020): grammatical and ungrammatical sentences that differ minimally.

A file has the pairs of one paradigm, a JSON object a line, of which `sentence_good`,
`sentence_bad` and the phenomenon (`linguistics_term`) are read. Sentences are split as a corpus is;
where no space stood is kept, for checkpoints that read text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import Field

from polyseme.config import config
from polyseme.data.text import normalize
from polyseme.data.words import WordSplitter
from polyseme.errors import DataError
from polyseme.tasks.base import Split
from polyseme.tasks.common import minimal
from polyseme.tasks.common.lines import json_value, numbered
from polyseme.training.options import Positive

FAMILY = "minimal_pairs"
KEYS = ("sentence_good", "sentence_bad", "linguistics_term")
SUFFIX = ".jsonl"


@config
class Config:
    """Values of conf/task/blimp.yaml."""

    module: str
    """This file."""
    source: str
    """Artifact of the data set."""
    per_paradigm: Positive | None = None
    """Most pairs of each paradigm, the first of its file; null: all."""
    left_out: dict[str, tuple[Positive, ...]] = Field(default_factory=dict)
    """Lines of a paradigm's file that are not read: those that are known to be one sentence
    twice."""
    language: str = "en"
    """ISO 639-1 code."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """Pairs as the split `test`; labels are the paradigm and its phenomenon."""
    paths = sorted(source.glob(f"*{SUFFIX}"))
    if not paths:
        raise DataError(f"has no {SUFFIX} files", where=source, mend="fetch the data set again")
    splitter = WordSplitter(options.language)
    texts: list[list[str]] = []
    labels: list[list[str]] = []
    for path in paths:
        before = len(texts)
        for text, phenomenon in islice(_pairs(path, splitter, options), options.per_paradigm):
            texts.append(text)
            labels.append([path.stem, f"{minimal.PHENOMENON}{phenomenon}"])
        if len(texts) == before:
            raise DataError("has no pairs", where=path, mend="fetch it again, or delete it")
    return {"test": Split(texts, labels)}


def _pairs(path: Path, splitter: WordSplitter, options: Config) -> Iterator[tuple[list[str], str]]:
    """Words and phenomenon of each pair that is not left out."""
    mend = f"correct it, or name its number in `left_out.{path.stem}` of the task's conf file"
    for number, line in numbered(path):
        if number in options.left_out.get(path.stem, ()):
            continue
        where = f"{path}:{number}"
        good, bad, phenomenon = _read(line, where=where)
        words = (splitter.spaced(normalize(text)) for text in (good, bad))
        yield minimal.joined(*words, where=where, mend=mend), phenomenon


def _read(line: str, *, where: str) -> tuple[str, ...]:
    """The values of KEYS.

    Raises:
        DataError: the line is no JSON object with these texts.
    """
    mend = f"write an object with {', '.join(KEYS)}"
    try:
        found: Any = json_value(line, where=where)
    except (ValueError, RecursionError) as error:
        raise DataError(f"is no JSON ({error})", where=where, mend=mend) from None
    for key in KEYS:
        if not isinstance(found, dict) or not isinstance(found.get(key), str):
            raise DataError(f"has no text {key!r}", where=where, mend=mend)
    return tuple(found[key] for key in KEYS)
