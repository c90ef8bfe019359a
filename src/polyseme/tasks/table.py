"""Labelled texts, or pairs of texts, from a table: CSV, TSV or JSON lines, a row an item.

For public data sets and for your own file: conf names the columns. Every row counts; one that
cannot be read is refused with its line, never left out.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from polyseme.config import config
from polyseme.data.dataset import Inside
from polyseme.data.split import SPLITS
from polyseme.data.split import Split as SplitName
from polyseme.errors import DataError
from polyseme.tasks.base import Split
from polyseme.tasks.common import rows, texts
from polyseme.tasks.common.rows import MAX_SHOWN, Row
from polyseme.tasks.common.texts import Item, TextOptions, Texts

MAX_CLASSES = 50
"""More classes than that, and than half of the rows of a split, are no classes."""
Column = str | Annotated[int, Field(ge=1)]
facts = texts.facts


@config
class Config(TextOptions):
    """Values of a conf/task/*.yaml with `module: table`."""

    family: Literal["classification", "sentence_pair", "relatedness"]
    """One text and a label, two texts and a label, or two texts and a number."""
    files: dict[SplitName | Literal["all"], Inside]
    """File of each split; `all`: one file, whose `split_column` tells."""
    split_column: Column | None = None
    """Column that says which split a row belongs to."""
    split_names: dict[SplitName, str] = Field(
        default_factory=lambda: {name: str(name) for name in SPLITS}
    )
    """What it says for each."""
    text: Column
    """Column of the text: its name in the header, or its number from 1 where there is none."""
    text_b: Column | None = None
    """Column of the second text of a pair."""
    label: Column
    """Column of the label or number."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Name of each label of the file; any other is refused. None: names are those of the file."""
    format: Literal["delimited", "json_lines"] = "delimited"
    """JSON lines have no header, delimiter and quotes, but names."""
    header: bool = True
    """Whether the first row names the columns."""
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    """Between columns."""
    quoted: bool = True
    """Whether quotes set fields apart that hold a delimiter, a quote or a new line."""

    @model_validator(mode="after")
    def _fits_together(self) -> Config:
        if (self.text_b is None) != (self.family == "classification"):
            raise ValueError("text_b for the families of pairs, and for them alone")
        if ("all" in self.files) != (self.split_column is not None):
            raise ValueError("files: {all: ...} together with split_column")
        if "all" in self.files and len(self.files) > 1:
            raise ValueError("files: all alone, or one for each split")
        named = self.header or self.format == "json_lines"
        if any(isinstance(column, str) != named for column in self.columns):
            raise ValueError("columns by name where there is a header, else by number")
        return self

    @property
    def columns(self) -> list[Column]:
        """Label, split, texts: those that there are."""
        wanted = (self.label, self.split_column, self.text, self.text_b)
        return [column for column in wanted if column is not None]


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """An item for each row."""
    made = Texts(options)
    found: dict[SplitName, list[Item]] = {n: [] for n in options.files if n != "all"}
    for name, file in options.files.items():
        for row in _rows(options, source / file):
            label, *fields = row.fields
            split = name if name != "all" else _split(options, fields.pop(0), where=row.where)
            where = row.where
            item = made.item(
                [_text(field, where) for field in fields],
                _label(options, label, where),
                where=where,
            )
            found.setdefault(split, []).append(item)
        _refuse_mixed_up(options, found, where=source / file)
    return texts.splits(options, found)


def _rows(options: Config, path: Path) -> Iterator[Row]:
    if options.format == "json_lines":
        return rows.json_lines(path, options.columns, encoding=options.encoding)
    return rows.delimited(
        path,
        options.columns,
        header=options.header,
        delimiter=options.delimiter,
        quoted=options.quoted,
        encoding=options.encoding,
    )


def _split(options: Config, found: Any, *, where: str) -> SplitName:
    for name, written in options.split_names.items():
        if written == found:
            return name
    known = ", ".join(options.split_names.values())
    raise DataError(
        f"split is {found!r}, none of {known}", where=where, mend="give `split_names` in its conf"
    )


def _text(field: Any, where: str) -> str:
    if not isinstance(field, str):
        raise DataError(f"text is {field!r}", where=where, mend="write it as a string")
    return field


def _label(options: Config, field: Any, where: str) -> str | float:
    """A number, or the name of a class."""
    if options.family == "relatedness":
        return _score(field, where)
    name = field if isinstance(field, str) else json.dumps(field)
    name = name.strip()
    if not name or field is None or isinstance(field, list | dict):
        raise DataError(f"label is {field!r}", where=where, mend="write a name or a number")
    if options.labels and name not in options.labels:
        raise DataError(
            f"label is {name[:MAX_SHOWN]!r}, none of {', '.join(options.labels)}",
            where=where,
            mend="check `label` and `labels` in its conf file: are columns mixed up?",
        )
    return options.labels.get(name, name)


def _score(field: Any, where: str) -> float:
    try:
        score = float("no" if isinstance(field, bool) else field)
    except (TypeError, ValueError, OverflowError):
        score = math.nan
    if not math.isfinite(score):
        raise DataError(
            f"score is {str(field)[:MAX_SHOWN]!r}, no finite number",
            where=where,
            mend="check `label` in its conf file: are columns mixed up?",
        )
    return score


def _refuse_mixed_up(
    options: Config, found: Mapping[SplitName, list[Item]], *, where: Path
) -> None:
    """Raise when labels are as many as texts."""
    for items in () if options.family == "relatedness" else found.values():
        number = len({item.label for item in items})
        if number > MAX_CLASSES and 2 * number > len(items):
            raise DataError(
                f"has {number:,} labels for {len(items):,} rows",
                where=where,
                mend="check `text` and `label` in its conf file: are columns mixed up?",
            )
