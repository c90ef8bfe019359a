"""Visible text of wikitext, from the tokens of mwparserfromhell.

mwparserfromhell finds tokens in C and builds a tree of nodes from them in Python, which takes ten
times as long. Most of the nodes (templates, references, tables) are dropped, so the tokens are
walked here instead, and what is not visible is skipped. Most of it is cut down before
(wikicuts.py). The text is that of a walk over the tree; a test holds the two equal.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from html.entities import name2codepoint
from typing import Any

from mwparserfromhell import parser
from mwparserfromhell.parser import tokens as kinds
from mwparserfromhell.parser.builder import Builder

from polyseme.data.wikicuts import shortened

Token = Any
TagText = Callable[[str, bool], str | None]
LinkText = Callable[[str, bool], str | None]

_TAG_ENDS = (kinds.TagCloseClose, kinds.TagCloseSelfclose)
_NAME_ENDS = (kinds.TagAttrStart, kinds.TagCloseOpen, kinds.TagCloseSelfclose)
_WIKILINK = (kinds.WikilinkOpen, kinds.WikilinkSeparator, kinds.WikilinkClose)
_EXTERNAL_LINK = (
    kinds.ExternalLinkOpen,
    kinds.ExternalLinkSeparator,
    kinds.ExternalLinkClose,
)
_SKIPPED = {
    kinds.TemplateOpen: kinds.TemplateClose,
    kinds.ArgumentOpen: kinds.ArgumentClose,
    kinds.CommentStart: kinds.CommentEnd,
    kinds.HeadingStart: kinds.HeadingEnd,
}


class _End:
    """Stands behind the last token."""


def _tokenizer() -> Any:
    if parser.use_c:
        return parser.CTokenizer()
    from mwparserfromhell.parser.tokenizer import Tokenizer

    return Tokenizer()


def visible(text: str, *, tag_text: TagText, link_text: LinkText) -> str:
    """Visible text: no templates, arguments, comments; a heading is a blank line.

    Args:
        text: wikitext; runs of apostrophes stay.
        tag_text: of a tag's name (in lower case) and whether it is wiki markup (`*`, `----`): the
            text that stands for the tag with its content, or None to keep the content.
        link_text: of a link's target and whether the link has a text of its own: the text that
            stands for the link, or None to keep its text. Templates in the target are cut down.
    """
    walk = _Walk(_tokenizer().tokenize(shortened(text), 0, True), tag_text, link_text)
    walk.run(0, (_End,))
    return "".join(walk.found)


class _Walk:
    """One pass over the tokens of a page, depth first."""

    def __init__(self, tokens: list[Token], tag_text: TagText, link_text: LinkText) -> None:
        self._tokens = [*tokens, _End()]
        self._tag_text, self._link_text = tag_text, link_text
        self.found: list[str] = []

    def run(self, place: int, until: Collection[type]) -> int:
        """Add the text from `place` to the first token of a kind in `until`; its place."""
        tokens, add = self._tokens, self.found.append
        while True:
            token = tokens[place]
            kind = type(token)
            if kind is kinds.Text:
                add(token["text"])
                place += 1
            elif kind in until:
                return place
            elif kind in _SKIPPED:
                if kind is kinds.HeadingStart:
                    add("\n\n")
                place = self._end(place + 1, kind, (_SKIPPED[kind],)) + 1
            else:
                place = _HANDLERS[kind](self, place)

    def _end(self, place: int, opens: type, closes: Collection[type]) -> int:
        """Place of the token that closes what is open at `place`."""
        tokens, depth = self._tokens, 0
        while True:
            kind = type(tokens[place])
            if kind in closes:
                if not depth:
                    return place
                depth -= 1
            elif kind is opens:
                depth += 1
            place += 1

    def _source(self, start: int, stop: int) -> str:
        """Wikitext of a range of tokens."""
        part = self._tokens[start:stop]
        if len(part) == 1 and type(part[0]) is kinds.Text:
            return str(part[0]["text"])
        if {type(token) for token in part} <= {kinds.Text}:
            return "".join([token["text"] for token in part])
        return str(Builder().build(part))

    def _link(self, place: int) -> int:
        start = place + 1
        place = self._target_end(start, *_WIKILINK)
        has_text = type(self._tokens[place]) is kinds.WikilinkSeparator
        text = self._link_text(self._source(start, place).strip(), has_text)
        if has_text and text is None:
            return self.run(place + 1, (kinds.WikilinkClose,)) + 1
        self.found.append(text or "")
        return self._end(place, kinds.WikilinkOpen, (kinds.WikilinkClose,)) + 1

    def _external(self, place: int) -> int:
        """The text of an external link, if it has one."""
        place = self._target_end(place + 1, *_EXTERNAL_LINK)
        if type(self._tokens[place]) is kinds.ExternalLinkClose:
            return place + 1
        return self.run(place + 1, (kinds.ExternalLinkClose,)) + 1

    def _target_end(self, place: int, opens: type, separator: type, closes: type) -> int:
        """Place of the token that ends the target of a link; links may stand in it."""
        tokens, depth = self._tokens, 0
        while True:
            kind = type(tokens[place])
            if kind is opens:
                depth += 1
            elif not depth and (kind is separator or kind is closes):
                return place
            elif kind is closes:
                depth -= 1
            place += 1

    def _tag(self, place: int) -> int:
        start, markup = place + 1, self._tokens[place].get("wiki_markup")
        place = self._end(start, kinds.TagOpenOpen, _NAME_ENDS)
        text = self._tag_text(self._source(start, place).strip().lower(), bool(markup))
        if text is not None:
            self.found.append(text)
            return self._end(place, kinds.TagOpenOpen, _TAG_ENDS) + 1
        place = self._opened(place)
        if type(self._tokens[place]) is kinds.TagCloseOpen:
            place = self.run(place + 1, (kinds.TagOpenClose,)) + 1
            place = self._end(place, kinds.TagOpenOpen, _TAG_ENDS)
        return place + 1

    def _opened(self, place: int) -> int:
        """Place of the token that ends the attributes; tags may stand in their values."""
        depth = 0
        while True:
            kind = type(self._tokens[place])
            if not depth and kind in (kinds.TagCloseOpen, kinds.TagCloseSelfclose):
                return place
            depth += (kind is kinds.TagOpenOpen) - (kind in _TAG_ENDS)
            place += 1

    def _entity(self, place: int) -> int:
        """The character of an entity; a space for one that there is not."""
        token, base = self._tokens[place + 1], 0
        if type(token) is kinds.HTMLEntityNumeric:
            place, base = place + 1, 10
            if type(self._tokens[place + 1]) is kinds.HTMLEntityHex:
                place, base = place + 1, 16
            token = self._tokens[place + 1]
        try:
            self.found.append(chr(int(token.text, base) if base else name2codepoint[token.text]))
        except (ValueError, OverflowError):
            self.found.append(" ")
        return place + 3


_HANDLERS: dict[type, Callable[[_Walk, int], int]] = {
    kinds.WikilinkOpen: _Walk._link,
    kinds.ExternalLinkOpen: _Walk._external,
    kinds.TagOpenOpen: _Walk._tag,
    kinds.HTMLEntityStart: _Walk._entity,
}
