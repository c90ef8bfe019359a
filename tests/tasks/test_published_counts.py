"""Every data set of words, spans and senses, as its conf files read it, has its published sizes."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from polyseme import items
from polyseme.config import build
from polyseme.data import fetch
from polyseme.data.dataset import Dataset
from polyseme.tasks import base
from polyseme.tasks.base import Split
from polyseme.tasks.common.prepared import PreparedTask
from polyseme.tasks.families.base import get
from polyseme.tasks.families.span import spans

CONF = Path(__file__).parents[2] / "conf"
pytestmark = pytest.mark.mirror
Splits = dict[str, Split]


def _values(group: str, name: str) -> Any:
    return OmegaConf.to_container(OmegaConf.load(CONF / group / f"{name}.yaml"))


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where data sets are fetched to, once each."""
    return tmp_path_factory.mktemp("data")


def _prepared(task: str, fetched: Path) -> Splits:
    """All items of the splits of a task."""
    values = _values("task", task) | {"max_sentences": {}, "max_pairs": {}}
    name = Path(values["source"]).name
    if "POLYSEME_MIRROR" not in os.environ:
        pytest.skip(f"POLYSEME_MIRROR is not set: needs {name}")
    if not (fetched / name).exists():
        dataset = build(Dataset, _values("dataset", name), file=name)
        fetch.fetch(
            dataset, name, out=fetched / name, downloads=fetched / "downloads",
            mirror=fetch.mirror_folder(), progress=False,
        )  # fmt: skip
    module = items.load("task", values["module"])
    known = module.Config.__dataclass_fields__
    options = build(module.Config, {k: v for k, v in values.items() if k in known}, file=task)
    splits: Splits = dict(module.prepare(options, fetched / name))
    base.require_splits(splits, task=task)
    return splits


def _sizes(splits: Splits) -> list[int]:
    return [len(splits[name]) for name in base.SPLITS]


def _words(splits: Splits) -> list[int]:
    return [sum(map(len, splits[name].sentences)) for name in base.SPLITS]


TREEBANKS = ["upos", "deprel", "number", "tense", "heads", "afrikaans_upos", "afrikaans_heads"]


@pytest.mark.parametrize("task", TREEBANKS)
def test_treebanks(task: str, fetched: Path) -> None:
    splits = _prepared(task, fetched)
    english = not task.startswith("afrikaans")
    assert _sizes(splits) == ([12_544, 2_001, 2_077] if english else [1_315, 194, 425])
    assert _words(splits) == ([204_577, 25_147, 25_094] if english else [33_878, 5_317, 10_063])
    labels = base.label_names(splits["train"].labels)
    known = {
        "deprel": 36, "number": ["Plur", "Ptan", "Sing"], "tense": ["Past", "Pres"],
        "afrikaans_upos": 16, "upos": 17,
    }.get(task)  # fmt: skip
    assert known in (None, labels, len(labels))


def test_wnut17(fetched: Path) -> None:
    splits = _prepared("wnut17", fetched)
    assert _sizes(splits) == [3_394, 1_009, 1_287]
    assert _words(splits) == [62_730, 15_733, 23_394]
    assert len(base.label_names(splits["train"].labels)) == 13
    counts = Counter(kind for tags in splits["test"].labels for kind, _, _ in spans(tags))
    assert counts == {
        "person": 429, "location": 150, "corporation": 66, "product": 127, "creative-work": 142,
        "group": 165,
    }  # fmt: skip


def test_broad_twitter_corpus(fetched: Path) -> None:
    """Section h has 2,000 tweets; its file has a block more, of one line without a word."""
    splits = _prepared("broad_twitter", fetched)
    assert _sizes(splits) == [2_000 + 200 + 2_000 + 2_138, 1_000, 2_000]
    assert all(word.strip() for split in splits.values() for s in split.sentences for word in s)


def test_word_in_context(fetched: Path) -> None:
    splits = _prepared("word_in_context", fetched)
    assert _sizes(splits) == [5_428, 638, 1_400]
    for split in splits.values():
        assert set(Counter(split.labels).values()) == {len(split) // 2}


def test_coarse_senses(fetched: Path) -> None:
    splits = _prepared("coarse_senses", fetched)
    train, valid, test = _sizes(splits)
    assert (train + valid, test) == (23_370, 10_196)
    assert valid == pytest.approx(0.1 * 23_370, abs=20)
    assert len(base.label_names(splits["train"].labels)) == 53
    for split in splits.values():
        marked = zip(split.sentences, split.places or [], split.keys or [], strict=True)
        assert all(words[place] == key for words, (place,), (key,) in marked)


def test_all_words(fetched: Path, tmp_path: Path) -> None:
    splits = _prepared("all_words", fetched)
    assert [sum(map(len, splits[n].labels)) for n in base.SPLITS] == [234_136, 455, 7_253]
    assert sum("|" in label for row in splits["test"].labels for label in row) == 340
    card = {"name": "all_words", "family": "word_sense", "main_metric": "accuracy"}
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


def test_relations(fetched: Path) -> None:
    splits = _prepared("relations", fetched)
    assert _sizes(splits) == [7_200, 800, 2_717]
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
