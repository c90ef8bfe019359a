"""Unicode normalisation of text: what every corpus goes through before it is split.

NFC; all white space becomes one space; control characters and invisible format characters (soft
hyphen, zero-width space, byte order mark, bidirectional marks) are removed, since they split
words that look the same, and so are halves of surrogate pairs, which no encoding can hold. The
zero-width joiners stay: they carry meaning in several scripts. Casing stays; the tokenizer lowers
it where conf says so.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Literal

Unit = Literal["blank_line", "line"]

_INVISIBLE = re.compile(
    "[\u0000-\u0008\u000e-\u001b\u007f-\u0084\u0086-\u009f"
    "\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")


def normalize(text: str) -> str:
    """One paragraph in NFC, without invisible characters, with single spaces."""
    if not (text.isascii() and text.isprintable()):
        text = _INVISIBLE.sub("", unicodedata.normalize("NFC", text))
    return " ".join(text.split())


def normalize_all(paragraphs: Iterable[str]) -> list[str]:
    """`normalize` for each paragraph; empty ones are left out."""
    return [normal for text in paragraphs if (normal := normalize(text))]


def split_paragraphs(text: str, unit: Unit) -> list[str]:
    """Paragraphs of plain text: blocks between blank lines, or single lines."""
    return _BLANK_LINE.split(text) if unit == "blank_line" else text.split("\n")
