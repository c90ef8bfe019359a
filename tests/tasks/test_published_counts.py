"""Public sets of words, spans and senses: their published sizes, and the page that shows them."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from benchmarks import _tasks

from polyseme.tasks import base
from polyseme.tasks.base import Split
from polyseme.tasks.common import preparation
from polyseme.tasks.common.prepared import PreparedTask
from polyseme.tasks.families.base import get
from polyseme.tasks.families.span import spans

TASKS = {task.name: task for task in _tasks.tasks("words")}
WHOLE = ("max_sentences", "max_pairs")
Splits = dict[str, Split]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where data sets are put, once for all tests."""
    if not os.environ.get("POLYSEME_MIRROR"):
        pytest.skip("POLYSEME_MIRROR is not set: the real data sets are not here")
    return tmp_path_factory.mktemp("data")


def _prepared(name: str, folder: Path) -> tuple[Splits, dict[str, Any]]:
    """All items of the splits of a task, and its card."""
    values = _tasks.values("task", name)
    whole = {key: {} for key in WHOLE if key in values}
    return _tasks.prepared(preparation.configured(name, values | whole), folder)


def _sizes(splits: Splits) -> list[int]:
    return [len(splits[name]) for name in base.SPLITS]


def _words(splits: Splits) -> list[int]:
    return [sum(map(len, splits[name].sentences)) for name in base.SPLITS]


TREEBANKS = ["upos", "deprel", "number", "tense", "heads", "afrikaans_upos", "afrikaans_heads"]


@pytest.mark.mirror
@pytest.mark.parametrize("task", TREEBANKS)
def test_treebanks(task: str, folder: Path) -> None:
    splits, _ = _prepared(task, folder)
    english = not task.startswith("afrikaans")
    assert _sizes(splits) == ([12_544, 2_001, 2_077] if english else [1_315, 194, 425])
    assert _words(splits) == ([204_577, 25_147, 25_094] if english else [33_878, 5_317, 10_063])
    labels = base.label_names(splits["train"].labels)
    known = {
        "deprel": 36, "number": ["Plur", "Ptan", "Sing"], "tense": ["Past", "Pres"],
        "afrikaans_upos": 16, "upos": 17,
    }.get(task)  # fmt: skip
    assert known in (None, labels, len(labels))


@pytest.mark.mirror
def test_wnut17(folder: Path) -> None:
    splits, _ = _prepared("wnut17", folder)
    assert _sizes(splits) == [3_394, 1_009, 1_287]
    assert _words(splits) == [62_730, 15_733, 23_394]
    assert len(base.label_names(splits["train"].labels)) == 13
    counts = Counter(kind for tags in splits["test"].labels for kind, _, _ in spans(tags))
    assert counts == {
        "person": 429, "location": 150, "corporation": 66, "product": 127, "creative-work": 142,
        "group": 165,
    }  # fmt: skip


@pytest.mark.mirror
def test_broad_twitter_corpus(folder: Path) -> None:
    """Section h has 2,000 tweets; its file has a block more, of one line without a word."""
    splits, _ = _prepared("broad_twitter", folder)
    assert _sizes(splits) == [2_000 + 200 + 2_000 + 2_138, 1_000, 2_000]
    assert all(word.strip() for split in splits.values() for s in split.sentences for word in s)


@pytest.mark.mirror
def test_word_in_context(folder: Path) -> None:
    splits, _ = _prepared("word_in_context", folder)
    assert _sizes(splits) == [5_428, 638, 1_400]
    for split in splits.values():
        assert set(Counter(split.labels).values()) == {len(split) // 2}


@pytest.mark.mirror
def test_coarse_senses(folder: Path) -> None:
    splits, _ = _prepared("coarse_senses", folder)
    train, valid, test = _sizes(splits)
    assert (train + valid, test) == (23_370, 10_196)
    assert valid == pytest.approx(0.1 * 23_370, rel=0.1)
    assert len(base.label_names(splits["train"].labels)) == 53
    for split in splits.values():
        marked = zip(split.sentences, split.places or [], split.keys or [], strict=True)
        assert all(words[place] == key for words, (place,), (key,) in marked)


@pytest.mark.mirror
def test_all_words(folder: Path, tmp_path: Path) -> None:
    splits, card = _prepared("all_words", folder)
    assert [sum(map(len, splits[n].labels)) for n in base.SPLITS] == [234_136, 455, 7_253]
    assert sum("|" in label for row in splits["test"].labels for label in row) == 340
    base.write(tmp_path, splits, card)
    task = PreparedTask(tmp_path)
    assert len(task.labels) == 35_001
    choices = [unit for row in task.choices(task.splits["test"]) or [] for unit in row]
    assert sum(not unit for unit in choices) == 652  # lemmas that SemCor lacks
    # The most frequent sense, with WordNet's first one for those lemmas, is published for the five
    # sets (Raganato et al. 2017); without it, accuracy lies below, by no more than their share.
    published = {65.6: 2_282, 66.0: 1_850, 54.5: 455, 63.8: 1_644, 67.1: 1_022}
    known = sum(f1 * num / 7_253 / 100 for f1, num in published.items())
    counts: dict[str, Counter[str]] = {}
    for label in (label for row in splits["train"].labels for label in row):
        counts.setdefault(label.partition("%")[0], Counter())[label] += 1
    gold = [label for row in splits["test"].labels for label in row]
    best = [
        max(c, key=c.__getitem__) if (c := counts.get(g.partition("%")[0])) else "" for g in gold
    ]
    accuracy = sum(b in g.split("|") for b, g in zip(best, gold, strict=True)) / len(gold)
    assert known - 652 / 7_253 < accuracy < known


@pytest.mark.mirror
def test_relations(folder: Path) -> None:
    splits, _ = _prepared("relations", folder)
    train, valid, test = _sizes(splits)
    assert (train + valid, test) == (8_000, 2_717)
    assert valid == pytest.approx(800, rel=0.1)
    labels = [label for name in ("train", "valid") for label in splits[name].labels]
    assert len(set(labels)) == 19
    counts = Counter(label.partition("(")[0] for label in labels)
    assert (counts["Other"], counts["Cause-Effect"], counts["Content-Container"]) == (
        1410,
        1003,
        540,
    )
    family = get("span_pair")
    for split in splits.values():
        for words, places in zip(split.sentences, split.places or [], strict=True):
            assert 0 <= places[0] < places[1] <= places[2] < places[3] <= len(words)
            assert family.marked(places)


@pytest.mark.mirror
def test_the_page_shows_what_there_is(folder: Path) -> None:
    assert _tasks.shown("words") == _tasks.content("words", folder), (
        "run `python -m benchmarks._tasks`"
    )


def test_every_task_is_in_the_page_and_its_data_set_says_where_it_is_from() -> None:
    shown = _tasks.shown("words")
    assert {line.split("`")[1] for line in shown.splitlines()[2:]} == set(TASKS)
    for task in TASKS.values():
        source = _tasks.dataset(task)
        assert source.licence in shown
        for file in map(source.located, source.files):
            assert file.url is not None
            assert file.url.startswith("https://raw.githubusercontent.com/")


@pytest.mark.mirror
def test_figures_of_the_page(folder: Path) -> None:
    names = {}
    for task in ("broad_twitter", "wnut17"):
        splits, _ = _prepared(task, folder)
        found = {n: list(_named(split)) for n, split in splits.items()}
        train = {name.lower() for name, _ in found["train"]}
        test = [name.lower() for name, _ in found["test"]]
        after = sum(is_after for split in found.values() for _, is_after in split)
        names[task] = sum(map(len, found.values())), after, sum(n in train for n in test), len(test)
    assert names == {
        "broad_twitter": (14_885, 3_399, 1_463, 3_368),
        "wnut17": (3_890, 0, 24, 1_079),
    }
    splits, card = _prepared("relations", folder)
    train_places = {(*map(str.lower, w), str(p)) for w, p in _marked(splits["train"])}
    assert card["also_in_train"]["test"] == 15
    assert not any((*map(str.lower, w), str(p)) in train_places for w, p in _marked(splits["test"]))


def _named(split: Split) -> Any:
    """Names of a split, and whether each follows an `@` that is one of the same type."""
    for words, tags in zip(split.sentences, split.labels, strict=True):
        before = ("", 0, -2)
        for span in spans(tags):
            kind, first, last = span
            touches = before[0] == kind and before[2] == first - 1
            yield " ".join(words[first : last + 1]), touches and words[before[1]] == "@"
            before = span


def _marked(split: Split) -> Any:
    return zip(split.sentences, split.places or [], strict=True)
