"""Lines of text files of labelled data, with their numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from polyseme.data.streams import open_text, read_lines
from polyseme.errors import DataError
from polyseme.tasks.common.texts import MAX_LINE


def numbered(path: Path) -> Iterator[tuple[int, str]]:
    """Number, from 1, and text of each line (UTF-8; BOM and any newline are read)."""
    text, _ = open_text(path)
    with text:
        yield from read_lines(text, where=path, max_characters=MAX_LINE)


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
