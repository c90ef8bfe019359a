"""Set values in a YAML file and leave every other byte as it is.

The parser says where each value stands; only those characters are exchanged, so comments, order,
quotes and flow style stay. A key that is not there is added beside its siblings.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml  # type: ignore[import-untyped]
from omegaconf import OmegaConf

from polyseme.errors import ConfigError

INDENT = 2


def set_values(text: str, values: Mapping[str, Any], *, where: object) -> str:
    """The text with the values at their dotted keys.

    Args:
        where: file, for the message.

    Raises:
        ConfigError: the text is no mapping, or a key leads through what is none.
    """
    before: Any = OmegaConf.to_container(OmegaConf.create(text))
    for key, value in values.items():
        text = _set(text, key.split("."), value, where)
        _put(before, key.split("."), value)
    after = OmegaConf.to_container(OmegaConf.create(text))
    if after != before:
        raise ConfigError("cannot be edited without changing more", where=where, mend="by hand")
    return text


def _put(at: Any, parts: list[str], value: Any) -> None:
    for part in parts[:-1]:
        at = at.setdefault(part, {})
    at[parts[-1]] = value


def get(text: str, key: str) -> tuple[bool, Any]:
    """Whether the key stands in the text, and its value."""
    at: Any = OmegaConf.to_container(OmegaConf.create(text))
    for part in key.split("."):
        if not isinstance(at, Mapping) or part not in at:
            return False, None
        at = at[part]
    return True, at


def scalar(value: Any) -> str:
    """A value as YAML that OmegaConf reads as the same."""
    if isinstance(value, float):
        return repr(value)
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10_000).strip()
    text = text.removesuffix("...").strip()
    same = OmegaConf.to_container(OmegaConf.create(f"v: {text}")) == {"v": value}
    return text if same else json.dumps(value)


def _set(text: str, parts: list[str], value: Any, where: object) -> str:
    node = yaml.compose(text)
    for depth, part in enumerate(parts):
        if not isinstance(node, yaml.MappingNode):
            what = f"{'.'.join(parts[:depth]) or 'the file'} is no mapping"
            raise ConfigError(what, where=where, mend="write it by hand")
        found = [child for key, child in node.value if key.value == part]
        if not found:
            return _add(text, node, parts[depth:], value)
        node = found[-1]
    start, end = node.start_mark.index, node.end_mark.index
    return text[:start] + scalar(value) + text[end:]


def _add(text: str, node: Any, parts: list[str], value: Any) -> str:
    """Add a key, and the mappings that lead to it, at the end of a mapping."""
    if node.flow_style:
        inner = f"{parts[-1]}: {scalar(value)}"
        for part in reversed(parts[:-1]):
            inner = f"{part}: {{{inner}}}"
        end = node.end_mark.index - 1
        head = text[:end].rstrip()
        return head + (", " if node.value else "") + inner + text[end:]
    column = node.start_mark.column
    last = node.value[-1][1]
    lines = text.splitlines(keepends=True)
    at = _last_line(last) + 1
    if lines and not lines[at - 1].endswith("\n"):
        lines[at - 1] += "\n"
    new = [f"{' ' * (column + INDENT * n)}{part}:\n" for n, part in enumerate(parts)]
    new[-1] = f"{new[-1].rstrip()} {scalar(value)}\n"
    return "".join([*lines[:at], *new, *lines[at:]])


def _last_line(node: Any) -> int:
    """Number of the last line that a node stands on; the end mark of a block lies after it."""
    if isinstance(node, yaml.ScalarNode) or node.flow_style:
        return int(node.end_mark.line)
    if not node.value:
        return int(node.start_mark.line)
    last = node.value[-1]
    return _last_line(last[1] if isinstance(last, tuple) else last)
