"""MediaWiki XML dumps (Wikipedia, Wiktionary, ...), streamed: .xml, .xml.bz2, multistream too.

Pages of the main namespace that are no redirects. Markup is found by mwparserfromhell, in the
worker processes. Dropped: tables, references, templates, files, categories, comments, formulas,
headings (no sentences), and lists: their items are mostly names, titles and dates without a
sentence, 12 % of the words of the English excerpt; bulleted prose goes with them. Kept: link
text, and the content of formatting tags.

A whole dump ends with </mediawiki>; one that was cut, even between two bz2 streams, does not.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated
from xml.etree import ElementTree

from pydantic import Field

from polyseme.config import config
from polyseme.corpora.base import RawDocument
from polyseme.data import wikitext
from polyseme.data.streams import MAX_EXPANSION, CheckedStream
from polyseme.errors import DataError

DROPPED_TAGS = frozenset(
    "ref references table gallery math chem ce score timeline code syntaxhighlight source pre "
    "imagemap hiero templatedata graph mapframe maplink indicator style script del".split()
)
BREAKS = {"br": " ", "hr": "\n\n"}
LIST_MARK = "\ue000"  # private use: stands at the start of a list item until lines are known
LEFT_OVER = ("{{", "}}", "[[", "]]", "{|")
_EMPTY_BRACKETS = re.compile(r"\s?\(\s?(?:[;,:]\s?)*\)")
_OPEN_BRACKET = re.compile(r"\(\s?(?:[;,:]\s?)+")
STOPS = ",.;:!?)"
"""No space comes before these."""
_COMMAS = re.compile(r",(?:\s?,)+")
_QUOTES = re.compile("'{2,}")
_MAGIC = re.compile(r"__[A-Z]+__")
_DECLARED = re.compile(rb"""(?:\xef\xbb\xbf)?<\?xml[^>]*?encoding\s*=\s*["']([^"'>]*)""")
DECLARATION_BYTES = 1024
_LANGUAGE_LINK = re.compile(r"[a-z]{2,3}(-[a-z]+)*")


@config
class Config:
    """Options of the reader."""

    dropped_namespaces: tuple[str, ...] = ("file", "image", "media", "category")
    """Links into these are dropped; name those of the dump's language, in lower case."""
    max_expansion: Annotated[int, Field(gt=0)] = MAX_EXPANSION
    """Uncompressed bytes allowed for each byte of a compressed file."""


def documents(options: Config, path: Path) -> Iterator[RawDocument]:
    """Articles of one dump.

    Raises:
        DataError: truncated or damaged; names the file.
    """
    with CheckedStream(path, max_expansion=options.max_expansion, text=True) as raw:
        buffered = io.BufferedReader(raw, 2**16)
        _refuse_encoding(path, buffered.peek(DECLARATION_BYTES))
        events = ElementTree.iterparse(buffered, events=("start", "end"))  # noqa: S314 - expat bounds entities
        try:
            _, root = next(events)
            if _local(root) != "mediawiki":
                raise DataError(f"<{_local(root)}> is no MediaWiki dump", where=path)
            for event, element in events:
                if event == "end" and _local(element) == "page":
                    if (article := _article(element)) is not None:
                        yield RawDocument(*article, raw.consumed)
                    root.clear()  # the pages before this one
        except ElementTree.ParseError as error:
            raise DataError(
                f"the dump is truncated or damaged ({error})",
                where=path,
                mend="get it again, and compare its sha256",
            ) from None


def _refuse_encoding(path: Path, begin: bytes) -> None:
    """Raise when the XML declaration names another encoding than UTF-8; the bytes are UTF-8."""
    found = _DECLARED.match(begin)
    name = found[1].decode("ascii", "replace") if found else "utf-8"
    if name.lower() not in ("utf-8", "utf8", "us-ascii"):
        raise DataError(
            f"the XML declaration says encoding {name[:40]!r}, not UTF-8",
            where=f"{path}:1",
            mend="convert the dump to UTF-8 with iconv, and correct its first line",
        )


def _local(element: ElementTree.Element) -> str:
    """Tag without the namespace, whose version changes between dumps."""
    return element.tag.rpartition("}")[2]


def _article(page: ElementTree.Element) -> tuple[str, str] | None:
    """Title and wikitext; None for redirects, other namespaces and pages without text."""
    fields = {_local(child): child for child in page.iter()}
    namespace = fields["ns"].text if "ns" in fields else "0"  # older dumps do not say
    if "redirect" in fields or "text" not in fields or namespace != "0":
        return None
    title = fields["title"].text if "title" in fields else ""
    return title or "", fields["text"].text or ""


def clean(options: Config, raw: RawDocument) -> list[str]:
    """Paragraphs of prose of the article."""
    text = raw.text.replace(LIST_MARK, "")
    shown = wikitext.visible(text, tag_text=_tag, link_text=partial(_link, options))
    paragraphs: list[list[str]] = [[]]
    shown = _QUOTES.sub("", shown) if "''" in shown else shown
    shown = _MAGIC.sub("", shown) if "__" in shown else shown
    for line in shown.split("\n"):
        prose = line.strip()
        if not prose or prose[0] in "|!" or any(mark in prose for mark in (LIST_MARK, *LEFT_OVER)):
            paragraphs.append([])
        else:
            paragraphs[-1].append(prose)
    return [_tidy(" ".join(lines)) for lines in paragraphs if lines]


def _link(options: Config, target: str, has_text: bool) -> str | None:
    """Text of a link; nothing for files, categories and links to other languages."""
    prefix = target.partition(":")[0].strip().lower() if ":" in target else ""
    if prefix in options.dropped_namespaces:
        return ""
    if has_text:
        return None
    if prefix and _LANGUAGE_LINK.fullmatch(prefix):
        return ""
    # what a template would say is not known: its line is left out
    return "{{" if "{{" in target else target.lstrip(":")


def _tag(name: str, is_wiki_markup: bool) -> str | None:
    """Content of a tag; a mark for list items; nothing for dropped tags."""
    if is_wiki_markup and name in ("li", "dd", "dt"):
        return LIST_MARK
    if name == "li":
        return f"\n{LIST_MARK}"
    return BREAKS.get(name, "" if name in DROPPED_TAGS else None)


def _tidy(text: str) -> str:
    """Mend what removed templates leave behind: empty brackets, spaces before stops."""
    text = " ".join(text.split())  # first: the next ones then take linear time
    if "(" in text:
        text = _OPEN_BRACKET.sub("(", _EMPTY_BRACKETS.sub("", text))
        text = " ".join(text.split())
    for stop in STOPS:
        text = text.replace(f" {stop}", stop)
    return (_COMMAS.sub(",", text) if ",," in text or ", ," in text else text).replace("( ", "(")
