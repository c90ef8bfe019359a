"""Link spans: which words did the editors of an article link? Labels come from the dump.

`B-link` begins a link, `I-link` goes on with it. A word that is linked in part (the `dog` of
*dogs*) is linked; links that leave the encyclopedia or have a colon in their target are words like
others. Sentences without a link are left out. Editors link a thing where an article mentions it
first: later mentions are not linked, which nothing in the sentence tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import mwparserfromhell
from pydantic import Field

from polyseme.config import config
from polyseme.corpora import mediawiki
from polyseme.corpora.base import RawDocument
from polyseme.data import corpus
from polyseme.data.split import Split as SplitName
from polyseme.data.text import normalize_all
from polyseme.tasks.base import Split
from polyseme.tasks.common import wiki
from polyseme.training.options import Positive

FAMILY = "span"
BEGIN, END = "\ue001", "\ue002"  # private use: stand around the text of a link
KEY = "task.wiki_links.corpus"
Item = tuple[list[str], list[str]]


@config
class Config:
    """Values of conf/task/wiki_links.yaml."""

    module: str
    """This file."""
    source: str
    """Artifact of the dump."""
    corpus: corpus.Config
    """The corpus that is prepared from it: `${corpus.wiki}`."""
    num_sentences: dict[SplitName, Positive]
    """Most sentences of each split of the corpus: the first ones."""
    min_words: Positive = 5
    """Shorter sentences are left out."""
    max_words: Annotated[int, Field(ge=5)] = 60
    """Longer ones, too."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """The first sentences of each split that have a link."""
    reading = wiki.reader_options(options.corpus, key=KEY)
    found: dict[SplitName, list[Item]] = {name: [] for name in options.num_sentences}
    for article in wiki.articles(options.corpus, source, key=KEY):
        room = options.num_sentences.get(article.split, 0) - len(found.get(article.split, []))
        if room > 0:
            items = [item for item in linked(reading, article) if _fits(options, item)]
            found[article.split] += items[:room]
        if all(len(found[split]) == size for split, size in options.num_sentences.items()):
            break
    return {
        name: Split([words for words, _ in items], [labels for _, labels in items])
        for name, items in found.items()
    }


def _fits(options: Config, item: Item) -> bool:
    words, labels = item
    return options.min_words <= len(words) <= options.max_words and "B-link" in labels


def linked(reading: mediawiki.Config, article: wiki.Article) -> list[Item]:
    """Sentences of an article and their labels; none if marks change how it is cleaned."""
    marked = RawDocument(article.raw.title, _marked(article.raw.text), 0)
    paragraphs = normalize_all(mediawiki.clean(reading, marked))
    text = "".join(word for words in article.sentences for word in words)
    links = _links(paragraphs, text)
    return list(_labelled(article.sentences, links)) if len(links) == len(text) else []


def _marked(text: str) -> str:
    """Wikitext with marks around the text of each link to an article."""
    code = mwparserfromhell.parse(text.replace(BEGIN, "").replace(END, ""), skip_style_tags=True)
    for node in code.filter_wikilinks():
        if ":" not in node.title:
            node.text = f"{BEGIN}{node.title if node.text is None else node.text}{END}"
    return str(code)


def _links(paragraphs: Sequence[str], text: str) -> list[int]:
    """Number of the link of each character of the text, 0 outside of links.

    Args:
        paragraphs: with marks; some of them are not in the text.
        text: of the article, without spaces.
    """
    links: list[int] = []
    number = 0
    for paragraph in paragraphs:
        own: list[int] = []
        inside = False
        for character in paragraph.replace(" ", ""):
            if character in (BEGIN, END):
                inside = character == BEGIN
                number += inside
            else:
                own.append(number if inside else 0)
        visible = paragraph.replace(" ", "").replace(BEGIN, "").replace(END, "")
        if text.startswith(visible, len(links)):
            links += own
    return links


def _labelled(sentences: Sequence[list[str]], links: Sequence[int]) -> Iterator[Item]:
    """Words and labels of each sentence; a word belongs to the first link that touches it."""
    at = 0
    for words in sentences:
        labels: list[str] = []
        before = 0
        for word in words:
            link = next((n for n in links[at : at + len(word)] if n), 0)
            labels.append("O" if not link else "I-link" if link == before else "B-link")
            before, at = link, at + len(word)
        yield words, labels
