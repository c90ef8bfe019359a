"""Anchors: published figures that a run is held against, one file each in conf/anchor/.

An anchor says what was published, where, on which data and with which budget; which rows of
results.parquet measure the same here; and how far the two may lie apart. Files are read by the
report alone and are no part of params.yaml; the stage `report` depends on their folder. See
docs/anchors.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml  # type: ignore[import-untyped]
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import Field

from polyseme import results
from polyseme.config import build, config
from polyseme.errors import ConfigError

ANY = "any"
"""As `dataset`: what is claimed does not hang on one data set."""
DIFFERENCE, RATIO, ORDERING = "difference", "ratio", "ordering"
AT_MOST, AT_LEAST = "at_most", "at_least"
PAIRED = (DIFFERENCE, RATIO, ORDERING)
"""Comparisons of two groups of rows."""
NEEDED = ("stage", "task", "metric")
"""Columns that `rows` has to name."""

Text = Annotated[str, Field(min_length=1)]
Cell = str | bool | int | None
Cells = Cell | list[Cell]


@config
class Anchor:
    """One published figure."""

    claim: Text
    """What the figure says, in a sentence."""
    source: Text
    """Paper, and table or section."""
    value: float
    """As published; of a comparison of two, the published difference or ratio."""
    unit: Text
    """Of `value`, in words."""
    rows: dict[str, Cells]
    """Column of results.parquet -> value, or list of values."""
    against: dict[str, Cells] = Field(default_factory=dict)
    """Of a comparison of two: what differs in the rows of the second."""
    compare: Literal["value", "difference", "ratio", "ordering", "at_most", "at_least"] = "value"
    """The value itself; first minus second; first over second; the sign of first minus second; a
    bound."""
    take: Literal["mean", "best"] = "mean"
    """Of several groups of rows (layers, tasks, ...)."""
    data: Text
    """Test data of the published figure, in words."""
    dataset: str = ""
    """The same test data as an item of conf/dataset; `any`: the claim is about any; blank: none."""
    words: Annotated[int, Field(ge=0)] | None = None
    """Of running text that the published representation was trained on, each counted once."""
    parameters: Annotated[int, Field(ge=0)] | None = None
    """Of the published representation."""
    tolerance: Annotated[float, Field(ge=0)]
    """Largest gap that counts as the same; of an ordering, the least difference that counts."""
    gap: tuple[Text, ...] = ()
    """Why a gap is to be expected: budget, data, size."""


def read(folder: Path) -> dict[str, Anchor]:
    """Name -> anchor, in the order of names; none where there is no folder.

    Raises:
        ConfigError: a file, key or value that cannot be used.
    """
    return {path.stem: _read(path) for path in sorted(folder.glob("*.yaml"))}


def _read(path: Path) -> Anchor:
    try:
        values = OmegaConf.to_container(OmegaConf.load(path), resolve=True)
    except UnicodeDecodeError as error:
        what = f"not UTF-8: byte {error.start:,}"
        raise ConfigError(what, where=path, mend="save it as UTF-8") from None
    except yaml.MarkedYAMLError as error:
        line = f"{path}:{error.problem_mark.line + 1}" if error.problem_mark else path
        raise ConfigError(str(error.problem), where=line, mend="write it as YAML") from None
    except (OmegaConfBaseException, yaml.YAMLError, ValueError, OSError) as error:
        raise ConfigError(str(error), where=path, mend="see docs/anchors.md") from None
    if not isinstance(values, Mapping) or not values:
        raise ConfigError("holds no keys", where=path, mend="see docs/anchors.md")
    anchor = build(Anchor, {str(key): value for key, value in values.items()}, file=str(path))
    _check(anchor, path)
    return anchor


def _check(anchor: Anchor, path: Path) -> None:
    """That rows can be found by it, and that a comparison has what it needs."""
    for name in NEEDED:
        if anchor.rows.get(name) in (None, []):
            mend = f"name its {name}: a value of that column of results.parquet"
            raise ConfigError(f"key 'rows.{name}' is missing", where=path, mend=mend)
    for key, cells in (("rows", anchor.rows), ("against", anchor.against)):
        for name, cell in cells.items():
            _check_column(f"{key}.{name}", name, cell, path)
    if bool(anchor.against) != (anchor.compare in PAIRED):
        what = "is missing" if anchor.compare in PAIRED else "has no use"
        mend = f"`against` goes with compare: {', '.join(PAIRED)}, and with these alone"
        raise ConfigError(f"key 'against' {what}", where=path, mend=mend)
    if anchor.compare == ORDERING and anchor.value == 0:
        mend = "give the published difference: its sign is the ordering"
        raise ConfigError("value = 0 is no ordering", where=path, mend=mend)
    if not math.isfinite(anchor.value):
        raise ConfigError(f"value = {anchor.value}", where=path, mend="give a finite number")


def _check_column(key: str, name: str, cell: Any, path: Path) -> None:
    """It can be asked for, and has such values."""
    import pyarrow as pa

    asked = [n for n in results.SCHEMA.names if n not in ("value", "low", "high", "seconds")]
    if name not in asked:
        mend = f"columns: {', '.join(asked)}"
        raise ConfigError(f"unknown column {key!r}", where=path, mend=mend)
    kind = results.SCHEMA.field(name).type
    wanted = str if pa.types.is_string(kind) else bool if pa.types.is_boolean(kind) else int
    for each in cell if isinstance(cell, list) else [cell]:
        if each is not None and type(each) is not wanted:
            word = {str: "a text (in quotes)", bool: "true or false", int: "a number"}[wanted]
            raise ConfigError(f"{key} = {each!r} is not allowed", where=path, mend=f"give {word}")
        if name == "stage" and each not in results.STAGES:
            mend = f"stages: {', '.join(results.STAGES)}"
            raise ConfigError(f"{key} = {each!r} is unknown", where=path, mend=mend)
