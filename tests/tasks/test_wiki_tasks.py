"""Tasks from a dump: labels where preparation lost them, in the splits of the prepared corpus."""

from __future__ import annotations

from itertools import chain, islice
from pathlib import Path
from typing import Any

import pytest
from gensim.test.utils import datapath
from omegaconf import OmegaConf

from polyseme import compose, items
from polyseme.config import build
from polyseme.data import corpus, documents
from polyseme.errors import ConfigError
from polyseme.models.base import SENTENCE
from polyseme.tasks import punctuation, wiki_links, wiki_topic
from polyseme.tasks.common import wiki
from polyseme.tasks.families.span import spans

ROOT = Path(__file__).parents[2]
HEAD = '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.10/">\n'
ARTICLE = """
The '''{n}th [[crane (bird)|crane]]''' is one of [[large]] [[bird]]s, and has a neck {n}.
It was [[long-necked crane|long - necked]] of old ; a nest lies in [[Thames#Banks|the Thames]].

{{{{Infobox|[[box]]}}}} [[File:a.jpg|thumb|A [[caption]] of it]] In {n} years they see [[de:Kran]]
the [[wikt:sea]], ([[Oslo]], [[Bergen]]) "far" off: is that [[so]]? Yes, {n} of them, and {n} more.

[[Category:{category}]]
"""
CATEGORIES = ["1900 births", "Countries in Europe", "Birds"]


def _values(**changes: Any) -> Any:
    values: Any = OmegaConf.to_container(OmegaConf.load(ROOT / "conf/corpus/wiki.yaml"))
    return values | {
        "source": "dump", "pattern": "*.xml", "vocab_size": 340, "valid_fraction": 0.25,
        "test_fraction": 0.25, "min_document_words": 20, "near_duplicate_threshold": 1.0,
    } | changes  # fmt: skip


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dump of 30 articles, each twice."""
    folder = tmp_path_factory.mktemp("dump")
    texts = [ARTICLE.format(n=n, category=CATEGORIES[n % 3]) for n in range(3, 33)]
    pages = "".join(
        f"<page><title>T{n}</title><ns>0</ns><revision><text>{text}</text></revision></page>\n"
        for n, text in enumerate(texts * 2)
    )
    (folder / "a.xml").write_text(f"{HEAD}{pages}</mediawiki>\n")
    return folder


@pytest.fixture(scope="module")
def prepared(dump: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corpus that is prepared from it."""
    out = tmp_path_factory.mktemp("corpus")
    options, reading = corpus.check(_values(), file="test", key="corpus")
    corpus.prepare(
        options, reading, name="wiki", source=dump, out=out, num_workers=1, progress=False
    )
    return out


def _task(name: str, source: Path, **changes: Any) -> Any:
    conf = OmegaConf.load(ROOT / f"conf/task/{name}.yaml")
    conf.source, conf.corpus = "dump", _values()
    values: Any = OmegaConf.to_container(conf)
    module = items.load("task", values["module"])
    return module.prepare(build(module.Config, values | changes, file=name), source)


def test_articles_have_the_sentences_and_the_split_of_the_corpus(
    dump: Path, prepared: Path
) -> None:
    options = build(corpus.Config, _values(), file="test")
    found = list(wiki.articles(options, dump, key="test"))
    kept = list(documents.read(prepared / documents.FILE))
    assert [(a.raw.title, a.split, a.sentences) for a in found] == [
        (d.title, d.split, d.sentences) for d in kept
    ]
    assert {a.split for a in found} == {"train", "valid", "test"}


def test_links_are_marked_in_the_text_of_the_corpus(dump: Path, prepared: Path) -> None:
    splits = _task("wiki_links", dump)
    kept = {s: list(documents.sentences(prepared, s)) for s in ("train", "valid", "test")}
    texts = set()
    for name, split in splits.items():
        assert all(words in kept[name] for words in split.sentences)
        for words, tags in zip(split.sentences, split.labels, strict=True):
            texts |= {" ".join(words[first : last + 1]) for _, first, last in spans(tags)}
    assert texts == {
        "crane", "large", "birds", "long - necked", "the Thames", "Oslo", "Bergen", "so",
    }  # fmt: skip


def test_as_many_link_sentences_as_asked_for(dump: Path) -> None:
    splits = _task("wiki_links", dump, num_sentences={"train": 5, "valid": 1, "test": 2})
    assert {name: len(split) for name, split in splits.items()} == {
        "train": 5, "valid": 1, "test": 2,
    }  # fmt: skip


def test_topics_come_from_categories_that_are_not_in_the_text(dump: Path) -> None:
    splits = _task("wiki_topic", dump, num_sentences=2)
    assert set(splits["train"].labels) == {"person", "place", "other"}
    for split in splits.values():
        for words, topic in zip(split.sentences, split.labels, strict=True):
            number = next(int(w.removesuffix("th")) for w in words if w[0].isdigit())
            assert topic == ["person", "place", "other"][number % 3]
            assert words.count(SENTENCE) == 1
            assert "Category" not in words


def test_a_pattern_that_is_none_and_another_reader_are_refused(dump: Path) -> None:
    with pytest.raises(ConfigError, match=r"task.wiki_topic|topics"):
        _task("wiki_topic", dump, topics={"a": ["("]})
    with pytest.raises(ConfigError, match="the reader is 'text', not 'mediawiki'"):
        _task("wiki_links", dump, corpus=_values(reader="text"))


def test_marks_are_taken_out_and_become_labels(prepared: Path) -> None:
    words, labels = punctuation.without_marks('Yes , it is " so " . . Is it ? Or'.split())
    assert words == ["yes", "it", "is", '"', "so", '"', "is", "it", "or"]
    assert labels == ["comma", "none", "none", "none", "none", "period", "none", "question", None]
    assert punctuation.without_marks([".", ","]) == ([], [])
    values: Any = OmegaConf.to_container(
        OmegaConf.load(ROOT / "conf/task/punctuation.yaml"), resolve=False
    )
    values |= {"source": "x", "num_sentences": 2}
    options = build(punctuation.Config, values, file="test")
    splits = punctuation.prepare(options, prepared)
    kept = {s: set(chain(*documents.sentences(prepared, s))) for s in ("train", "valid", "test")}
    for name, split in splits.items():
        assert not set(punctuation.MARKS) & set(chain(*split.sentences))
        assert set(chain(*split.sentences)) <= {word.lower() for word in kept[name]}
        assert {"none", "comma", "period"} <= set(chain(*split.labels))
        assert all(row[-1] is None for row in split.labels)


def test_links_of_real_articles_are_found() -> None:
    """The first articles of the excerpt that gensim ships: no article is lost by its marks."""
    options = build(corpus.Config, _values(pattern="enwiki-*-shortened.bz2"), file="test")
    source = Path(datapath("")).parent / "test_data"
    reading = wiki.reader_options(options, key="test")
    for article in islice(wiki.articles(options, source, key="test"), 4):
        found = wiki_links.linked(reading, article)
        assert [words for words, _ in found] == article.sentences
        links = sum(len(spans(tags)) for _, tags in found)
        assert links > article.raw.text.count("[[") / 4


def test_every_task_composes_with_its_sources() -> None:
    names = {
        g: sorted(p.stem for p in (ROOT / "conf" / g).glob("*.yaml")) for g in ("task", "dataset")
    }
    overrides = [f"{group}=[{','.join(of)}]" for group, of in names.items()]
    params = compose.composed(
        ["experiment=wiki", "corpus=[controlled,wiki]", *overrides], ROOT / "conf"
    )
    assert sorted(params["task"]) == names["task"]
    assert params["task"]["wiki_links"]["corpus"] == params["corpus"]["wiki"]
    assert wiki_topic.FAMILY == "classification"
