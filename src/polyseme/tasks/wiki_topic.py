"""Topic of an article, from some of its sentences; labels come from its categories.

The categories stand below an article and are cut off before it becomes text. The topic is the first
one that has a pattern found in the name of a category; an article of no topic is left out. The
splits are those of the corpus, so the items of a split come from few articles where the dump is
small.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from polyseme.config import config
from polyseme.data import corpus
from polyseme.data.split import Split as SplitName
from polyseme.models.base import SENTENCE
from polyseme.tasks.base import Split
from polyseme.tasks.common import wiki
from polyseme.training.options import Positive

FAMILY = "classification"
KEY = "task.wiki_topic.corpus"
_CATEGORY = re.compile(r"\[\[\s*category\s*:\s*([^\]|]+)", re.IGNORECASE)


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"a regular expression ({error})") from None
    return pattern


Pattern = Annotated[str, AfterValidator(_compiles)]


@config
class Config:
    """Values of conf/task/wiki_topic.yaml."""

    module: str
    """This file."""
    source: str
    """Artifact of the dump."""
    corpus: corpus.Config
    """The corpus that is prepared from it: `${corpus.wiki}`."""
    topics: dict[str, Annotated[tuple[Pattern, ...], Field(min_length=1)]]
    """Topic to regular expressions, tried in this order."""
    num_items: dict[SplitName, Positive]
    """Most items of each split of the corpus."""
    num_sentences: Positive = 3
    """Of an item."""
    max_items_of_article: Positive = 20
    """Its first sentences, so that long articles do not outweigh the others."""


def prepare(options: Config, source: Path) -> Mapping[str, Split]:
    """The beginnings of the articles of each split, in pieces."""
    found: dict[SplitName, list[tuple[list[str], str]]] = {n: [] for n in options.num_items}
    for article in wiki.articles(options.corpus, source, key=KEY):
        topic = topic_of(options, article.raw.text)
        if topic is not None and article.split in found:
            pieces = _pieces(options, article.sentences)
            found[article.split] += [(words, topic) for words in pieces]
    return {
        name: Split([words for words, _ in items[:size]], [topic for _, topic in items[:size]])
        for (name, items), size in zip(found.items(), options.num_items.values(), strict=True)
    }


def topic_of(options: Config, wikitext: str) -> str | None:
    """The topic of an article; None where no category tells one."""
    categories = _CATEGORY.findall(wikitext)
    for topic, patterns in options.topics.items():
        if any(re.search(p, category) for p in patterns for category in categories):
            return topic
    return None


def _pieces(options: Config, sentences: list[list[str]]) -> list[list[str]]:
    """Some sentences each, with marks between them."""
    step = options.num_sentences
    starts = range(0, len(sentences) - step + 1, step)[: options.max_items_of_article]
    return [
        list(chain(*([*words, SENTENCE] for words in sentences[start : start + step])))[:-1]
        for start in starts
    ]
