"""MediaWiki XML dumps (Wikipedia, Wiktionary, ...), streamed: .xml, .xml.bz2, multistream too.

Pages of the main namespace that are no redirects. Markup is removed by mwparserfromhell, in the
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
from pathlib import Path
from typing import Annotated
from xml.etree import ElementTree

import mwparserfromhell
from mwparserfromhell import nodes
from pydantic import Field

from polyseme.config import config
from polyseme.corpora.base import RawDocument
from polyseme.data.streams import MAX_EXPANSION, CheckedStream
from polyseme.errors import DataError

DROPPED_TAGS = frozenset(
    "ref references table gallery math chem ce score timeline code syntaxhighlight source pre "
    "imagemap hiero templatedata graph mapframe maplink indicator style script del".split()
)
LIST_MARK = "\ue000"  # private use: stands at the start of a list item until lines are known
_LEFT_OVER = re.compile(r"\{\{|\}\}|\[\[|\]\]|\{\||^\s*[|!]")
_SPACES = re.compile(r"\s{2,}")  # collapsed first: the next four then take linear time
_EMPTY_BRACKETS = re.compile(r"\s?\(\s?(?:[;,:]\s?)*\)")
_OPEN_BRACKET = re.compile(r"\(\s?(?:[;,:]\s?)+")
_BEFORE_STOP = re.compile(r"\s([,.;:!?)])")
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
    code = mwparserfromhell.parse(raw.text.replace(LIST_MARK, ""), skip_style_tags=True)
    paragraphs: list[list[str]] = [[]]
    for line in "".join(_texts(code.nodes, options)).split("\n"):
        prose = _MAGIC.sub("", _QUOTES.sub("", line)).strip()
        if not prose or LIST_MARK in prose or _LEFT_OVER.search(prose):
            paragraphs.append([])
        else:
            paragraphs[-1].append(prose)
    return [_tidy(" ".join(lines)) for lines in paragraphs if lines]


def _texts(items: list[nodes.Node], options: Config) -> Iterator[str]:
    """Visible text of nodes, depth first."""
    for node in items:
        if isinstance(node, nodes.Text):
            yield node.value
        elif isinstance(node, nodes.Wikilink):
            yield from _link(node, options)
        elif isinstance(node, nodes.ExternalLink):
            if node.title is not None:
                yield from _texts(node.title.nodes, options)
        elif isinstance(node, nodes.Tag):
            yield from _tag(node, options)
        elif isinstance(node, nodes.HTMLEntity):
            yield _entity(node)
        elif isinstance(node, nodes.Heading):
            yield "\n\n"


def _link(node: nodes.Wikilink, options: Config) -> Iterator[str]:
    """Text of a link; nothing for files, categories and links to other languages."""
    title = str(node.title).strip()
    prefix = title.partition(":")[0].strip().lower() if ":" in title else ""
    if prefix in options.dropped_namespaces:
        return
    if node.text is not None:
        yield from _texts(node.text.nodes, options)
    elif not (prefix and _LANGUAGE_LINK.fullmatch(prefix)):
        yield title.lstrip(":")


def _tag(node: nodes.Tag, options: Config) -> Iterator[str]:
    """Content of a tag; a mark for list items; nothing for dropped tags."""
    name = str(node.tag).strip().lower()
    if node.wiki_markup and name in ("li", "dd", "dt"):
        yield LIST_MARK
    elif name in ("br", "hr"):
        yield " " if name == "br" else "\n\n"
    elif name == "li":
        yield f"\n{LIST_MARK}"
    elif name not in DROPPED_TAGS and node.contents is not None:
        yield from _texts(node.contents.nodes, options)


def _entity(node: nodes.HTMLEntity) -> str:
    try:
        return str(node.normalize())
    except (ValueError, OverflowError):
        return " "


def _tidy(text: str) -> str:
    """Mend what removed templates leave behind: empty brackets, spaces before stops."""
    text = _EMPTY_BRACKETS.sub("", _SPACES.sub(" ", text))
    text = _SPACES.sub(" ", _OPEN_BRACKET.sub("(", text))
    return _COMMAS.sub(",", _BEFORE_STOP.sub(r"\1", text)).replace("( ", "(")
