"""Lines of text files of labelled data, with their numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from polyseme.data.streams import open_text, read_lines
from polyseme.errors import DataError
from polyseme.tasks.common.texts import MAX_LINE

SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def numbered(path: Path) -> Iterator[tuple[int, str]]:
    """Number, from 1, and text of each line (UTF-8; BOM and any newline are read)."""
    text, _ = open_text(path)
    with text:
        yield from read_lines(text, where=path, max_characters=MAX_LINE)


def json_value(line: str, *, where: str) -> Any:
    """What a line of JSON says.

    Raises:
        ValueError, RecursionError: it is no JSON.
        DataError: it names half a character (an escaped surrogate without the other).
    """
    found = json.loads(line)
    if SURROGATE.search(line):
        try:
            json.dumps(found, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            half = f"\\u{ord(error.object[error.start]):04x}"
            mend = "write the character itself, or both halves"
            raise DataError(f"has half a character: {half}", where=where, mend=mend) from None
    return found


def beside(data: Path, gold: Path) -> Iterator[tuple[int, str, str]]:
    """Number, line and gold line of two files that belong together, line by line.

    Raises:
        DataError: one has more lines than the other.
    """
    left, right = list(numbered(data)), list(numbered(gold))
    if len(left) != len(right):
        longer, shorter = (data, gold) if len(left) > len(right) else (gold, data)
        line = min(len(left), len(right)) + 1
        raise DataError(
            f"line {line} has no line beside it in {shorter.name}",
            where=f"{longer}:{line}",
            mend=f"give as many lines as there are in {longer.name}",
        )
    for (number, line_of_data), (_, line_of_gold) in zip(left, right, strict=True):
        yield number, line_of_data, line_of_gold
