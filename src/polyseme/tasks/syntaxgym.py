"""SyntaxGym (Hu et al. 2020): sentences in regions, and what is predicted of their surprisals.

A suite is a JSON file: `meta.name`, `predictions` with a `formula` each (common/formula.py), and
`items`, each of which has every condition of the suite as a sentence in numbered regions. A row of
the split `test` is one condition of one item: its words, where each region begins (`places`; an
empty region begins where the next one does), and its suite, item and condition (`keys`). The
formulas are in the card.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from polyseme.config import config
from polyseme.data.streams import open_text
from polyseme.data.text import normalize
from polyseme.data.words import WordSplitter
from polyseme.errors import DataError
from polyseme.runtime import manifest
from polyseme.tasks.base import Split
from polyseme.tasks.common import formula

FAMILY = "syntaxgym"
SUFFIX = ".json"


@config
class Config:
    """Values of conf/task/syntaxgym.yaml."""

    module: str
    """This file."""
    source: str
    """Artifact of the data set."""
    language: str = "en"
    """ISO 639-1 code."""


@dataclass(frozen=True)
class _Meta:
    name: str


@dataclass(frozen=True)
class _Prediction:
    formula: str


@dataclass(frozen=True)
class _Region:
    region_number: int
    content: str


@dataclass(frozen=True)
class _Condition:
    condition_name: str
    regions: list[_Region]


@dataclass(frozen=True)
class _Item:
    item_number: int
    conditions: list[_Condition]


@dataclass(frozen=True)
class _Suite:
    meta: _Meta
    predictions: list[_Prediction]
    items: list[_Item]


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """Conditions of all items as the split `test`; labels are suites."""
    splitter = WordSplitter(options.language)
    sentences: list[list[str]] = []
    places: list[list[int]] = []
    keys: list[list[str]] = []
    for path, suite in _suites(source):
        for item in suite.items:
            for condition in item.conditions:
                words, begins = _words(condition, splitter)
                if not words:
                    where = f"{path}: item {item.item_number}, {condition.condition_name}"
                    raise DataError("has no words", where=where, mend="write its regions")
                sentences.append(words)
                places.append(begins)
                keys.append([suite.meta.name, str(item.item_number), condition.condition_name])
    return {"test": Split(sentences, [key[0] for key in keys], places=places, keys=keys)}


def facts(options: Config, source: Path) -> dict[str, Any]:
    """The formulas of each suite, for the card."""
    suites = (suite for _, suite in _suites(source))
    return {"formulas": {s.meta.name: [p.formula for p in s.predictions] for s in suites}}


def _words(condition: _Condition, splitter: WordSplitter) -> tuple[list[str], list[int]]:
    """Words of all regions, and where each begins."""
    words: list[str] = []
    begins = []
    for region in condition.regions:
        begins.append(len(words))
        words += splitter.words(normalize(region.content))
    return words, begins


def _suites(source: Path) -> Iterator[tuple[Path, _Suite]]:
    """Files and suites, by name.

    Raises:
        DataError: there is none, or one that cannot be measured.
    """
    paths = sorted(p for p in source.glob(f"*{SUFFIX}") if p.name != manifest.NAME)
    if not paths:
        raise DataError(f"has no {SUFFIX} files", where=source, mend="fetch the data set again")
    for path in paths:
        suite = _read(path)
        _check(suite, path)
        yield path, suite


def _read(path: Path) -> _Suite:
    """One suite.

    Raises:
        DataError: the file is no JSON, or lacks something.
    """
    mend = "write a suite in the format of SyntaxGym"
    text, _ = open_text(path)
    with text:
        content = text.read()
    try:
        return TypeAdapter(_Suite).validate_python(json.loads(content))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise DataError(f"{place}: {first['msg']}", where=path, mend=mend) from None
    except json.JSONDecodeError as error:
        what = f"is no JSON ({error.msg})"
        raise DataError(what, where=f"{path}:{error.lineno}", mend=mend) from None
    except RecursionError:
        raise DataError("is no JSON (too deep)", where=path, mend=mend) from None


def _check(suite: _Suite, path: Path) -> None:
    """Refuse formulas that cannot be read, or that ask for what an item does not have.

    Raises:
        DataError: naming file, suite and place.
    """
    where = f"{path}: suite {suite.meta.name}"
    if not suite.predictions or not suite.items:
        raise DataError("has no predictions or no items", where=where, mend="complete or delete it")
    formulas = [formula.read(p.formula, where=where).terms for p in suite.predictions]
    terms = sorted({term for terms in formulas for term in terms}, key=str)
    for item in suite.items:
        regions = {c.condition_name: [r.region_number for r in c.regions] for c in item.conditions}
        place = f"{where}, item {item.item_number}"
        for name, numbers in regions.items():
            if numbers != list(range(1, len(numbers) + 1)):
                what = f"regions of {name} are numbered {numbers}"
                raise DataError(what, where=place, mend="number them from 1, in order")
        for number, condition in terms:
            if condition not in regions:
                what = f"a formula asks for condition {condition!r}"
                raise DataError(what, where=place, mend=f"its conditions: {', '.join(regions)}")
            if number is not None and number not in regions[condition]:
                what = f"a formula asks for region {number} of {condition}"
                mend = f"its regions are 1 to {len(regions[condition])}"
                raise DataError(what, where=place, mend=mend)
