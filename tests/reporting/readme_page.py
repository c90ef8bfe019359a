"""A report's README.md, read back: its tables, list items and paragraphs, by section."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

NUMBER = re.compile(r"(?<![\w.])[−-]?\d[\d,]*(?:\.\d+)?(?:e[−+-]?\d+)?(?![\w.]*\w)")
"""A number that stands by itself: not the 2 of word2vec, nor the 4 of 4kB."""


@dataclass
class Block:
    """A table, or a sentence (no columns); `about` is its caption or what a list item is about."""

    section: str
    about: str
    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    text: str = ""


def numbers(text: str) -> list[tuple[float, int]]:
    """Every number of a text with how many decimals it shows."""
    found = []
    for shown in NUMBER.findall(text):
        plain = shown.replace("−", "-").replace(",", "")
        decimals = len(plain.partition("e")[0].partition(".")[2])
        if "e" in plain:
            decimals -= int(plain.partition("e")[2])
        found.append((float(plain), decimals))
    return found


def blocks(path: Path) -> Iterator[Block]:
    """Everything that the page says, in its order."""
    section, caption, table = "", "", None
    for line in path.read_text(encoding="utf-8").splitlines():
        if table is not None and not line.startswith("|"):
            yield table
            table = None
        if line.startswith("## "):
            section, caption = _plain(line[3:]), ""
        elif found := re.fullmatch(r"\*\*(.+)\*\*", line):
            caption = _plain(found[1])
            yield Block(section, "caption", text=caption)
        elif line.startswith("|"):
            cells = [_plain(cell).strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            if table is None:
                table = Block(section, caption, columns=cells)
            elif not set(line) <= set("|-:"):
                table.rows.append(cells)
        elif found := re.match(r"- \*\*(.+?)\*\*: (.*)", line):
            yield Block(section, _plain(found[1]), text=_plain(found[2]))
        elif line.strip() and not line.startswith(("<", "    ", "#", "*")):
            yield Block(section, "paragraph", text=_plain(line))
    if table is not None:
        yield table


def _plain(text: str) -> str:
    text = re.sub(r"(?<!\\)\*\*", "", text)
    return re.sub(r"\\(.)", r"\1", text).replace("&amp;", "&")
