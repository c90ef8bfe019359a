"""Configuration: frozen dataclasses, checked against the values of conf/.

A class that is configured declares a `Config` with the `config` decorator in its own file; the
yaml gives values for it. `build` turns values into such a Config or raises a ConfigError that
names file, key and what is allowed. Values are checked strictly: no string becomes a number.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, TypeVar, dataclass_transform

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as pydantic_dataclass

from polyseme.errors import ConfigError

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def config(cls: type[T]) -> type[T]:
    """Make `cls` a frozen, keyword-only dataclass that refuses unknown keys and other types."""
    settings = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
    made: type[T] = pydantic_dataclass(frozen=True, kw_only=True, config=settings)(cls)  # type: ignore[assignment]
    return made


def build(cls: type[T], values: Mapping[str, Any], *, file: str, key: str = "") -> T:
    """Check `values` against the Config class `cls`.

    Args:
        values: plain mapping, as read from params.yaml.
        file: conf file that the values come from, for the message.
        key: dotted key under which they stand in params.yaml, for the message.

    Raises:
        ConfigError: naming file, key, what was found and what is allowed.
    """
    try:
        # JSON has objects and arrays only, so that strictness still lets them become dataclasses
        # and tuples
        return TypeAdapter(cls).validate_json(json.dumps(values, default=str))
    except ValidationError as error:
        raise ConfigError(**_explain(cls, error, key), where=file) from None


def _explain(cls: type, error: ValidationError, key: str) -> dict[str, str]:
    """The first problem of `error` as (what, mend)."""
    first, *others = error.errors()
    path, choices = first["loc"], [first]
    if any(str(last).startswith("literal[") for other in others for last in other["loc"][-1:]):
        choices += [other for other in others if other["loc"][:-1] == path[:-1]]
        path = path[:-1]  # a word or a value of another type: pydantic names both
    name = ".".join([part for part in [key] if part] + [str(part) for part in path])
    known = ", ".join(field.name for field in dataclasses.fields(cls))
    if first["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        return {"what": f"unknown key {name!r}", "mend": f"allowed keys: {known}"}
    if first["type"] in ("missing", "missing_argument", "missing_keyword_only_argument"):
        return {"what": f"key {name!r} is missing", "mend": f"keys: {known}"}
    messages = [choice["msg"].removeprefix("Input should be ") for choice in choices]
    allowed = " or ".join(messages).removeprefix("Value error, ")
    return {"what": f"{name} = {first['input']!r} is not allowed", "mend": f"allowed: {allowed}"}
