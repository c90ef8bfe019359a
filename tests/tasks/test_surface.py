"""Tasks on the surface of sentences of a corpus, and the number of words of controlled language."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from benchmarks import _tasks

from polyseme.data import documents
from polyseme.data.documents import DocumentWriter, Packed, pack
from polyseme.errors import DataError
from polyseme.language import gold
from polyseme.tasks import base, controlled_features, sentence_length, word_content
from polyseme.tasks.base import Split, same_words
from polyseme.tasks.common import preparation

WORDS = [f"{a}{b}word" for a in "abcdefghij" for b in "abcdefghij"]
LENGTHS = [3, 4, 4, 5, 5, 5, 6, 6, 8, 9, 12, 15]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 documents of ten sentences; their words are ranked as they stand in WORDS."""
    folder = tmp_path_factory.mktemp("corpus")
    random = np.random.default_rng(0)
    shares = 1 / np.arange(5, 5 + len(WORDS))
    made = []
    for number in range(300):
        texts = [
            list(map(str, random.choice(WORDS, size, p=shares / shares.sum())))
            for size in random.choice(LENGTHS, 10)
        ]
        texts = [[words[0].capitalize(), *words[1:]] for words in texts]
        split: Any = ("train", "train", "valid", "test")[number % 4]
        made.append(Packed(str(number), "", split, pack(texts)))
    with DocumentWriter(folder / documents.FILE) as writer:
        writer.write_all(made)
    ranked = ["the", "3rd", *WORDS]
    counts = range(len(ranked), 0, -1)
    pq.write_table(pa.table({"word": ranked, "count": counts}), folder / "vocabulary.parquet")
    return folder


SIZES = {"train": 240, "valid": 24, "test": 60}


def _length(corpus: Path, **changes: Any) -> dict[str, Split]:
    values = {"min_words": 4, "max_words": 12, "num_bins": 3, "num_items": SIZES} | changes
    options = sentence_length.Config(module="x", source="x", **values)
    return dict(sentence_length.prepare(options, corpus))


def _content(corpus: Path, **changes: Any) -> dict[str, Split]:
    values = {"min_words": 3, "max_words": 15, "num_words": 4, "first_rank": 3} | changes
    options = word_content.Config(module="x", source="x", num_items=SIZES, **values)
    return dict(word_content.prepare(options, corpus))


def _of_the_corpus(corpus: Path, splits: dict[str, Split]) -> None:
    """Each item is a sentence of its split, and none is there twice."""
    for name, split in splits.items():
        known = {same_words(s) for s in documents.sentences(corpus, name)}  # type: ignore[arg-type]
        found = [same_words(words) for words in split.sentences]
        assert known.issuperset(found)
        assert len(set(found)) == len(found)


def test_lengths_fall_into_bins_of_equal_share(corpus: Path) -> None:
    splits = _length(corpus)
    _of_the_corpus(corpus, splits)
    assert splits == _length(corpus)
    for name, split in splits.items():
        assert Counter(split.labels) == dict.fromkeys(("4-5", "6", "7-12"), SIZES[name] // 3)
        for words, label in zip(split.sentences, split.labels, strict=True):
            low, _, high = label.partition("-")
            assert int(low) <= len(words) <= int(high or low)


@pytest.mark.parametrize(
    ("lengths", "number", "ends"),
    [
        (list(range(1, 10)), 3, [4, 7, 9]),
        ([4] * 8 + [9], 4, [4, 9]),
        ([5, 6], 6, [5, 6, 9]),
        ([], 4, [9]),
    ],
)
def test_bins_end_at_quantiles(lengths: list[int], number: int, ends: list[int]) -> None:
    assert sentence_length.bins(lengths, number, 9) == ends


def test_sentences_of_one_length_have_nothing_to_probe(corpus: Path) -> None:
    values: dict[str, Any] = {
        "module": "sentence_length", "source": "x", "min_words": 5, "max_words": 5, "num_bins": 3,
        "num_items": SIZES,
    }  # fmt: skip
    with pytest.raises(DataError, match="source x: has one label only: '5'; check its source"):
        preparation.prepare(preparation.configured("toy", values), corpus)
    values |= {"min_words": 50, "max_words": 60}
    with pytest.raises(DataError, match="source x: split 'train' is empty"):
        preparation.prepare(preparation.configured("toy", values), corpus)


def test_a_sentence_has_exactly_one_of_the_words(corpus: Path) -> None:
    splits = _content(corpus)
    _of_the_corpus(corpus, splits)
    assert splits == _content(corpus)
    for name, split in splits.items():
        assert Counter(split.labels) == dict.fromkeys(WORDS[:4], SIZES[name] // 4)
        for words, label in zip(split.sentences, split.labels, strict=True):
            assert {word.lower() for word in words} & set(WORDS[:4]) == {label}
    labels = _content(corpus, first_rank=1, min_letters=3)["train"].labels
    assert set(labels) == set(WORDS[:3])  # no sentence has `the`, and `3rd` is no word


def test_a_vocabulary_without_so_many_words_is_refused(corpus: Path) -> None:
    with pytest.raises(DataError, match=r"vocabulary\.parquet: has 2 words .* rank 101 on, not 4"):
        _content(corpus, first_rank=101)


def _features(folder: Path, label: str) -> Split:
    row = {
        "doc_id": "d", "split": "train", "topic": "t", "sentence": 0, "words": ["Dogs", "run", "."],
        "features": ["Number=Plur", "Number=Plur|Tense=Pres", ""], "heads": [2, 0, 2],
    }  # fmt: skip
    pq.write_table(pa.Table.from_pylist([row], schema=gold.SCHEMA), folder / gold.FILE)
    options = controlled_features.Config(
        module="x", source="x", label=label, num_items={"train": 9}
    )
    return controlled_features.prepare(options, folder)["train"]


def test_a_feature_of_the_controlled_language_is_the_tag_of_a_word(tmp_path: Path) -> None:
    assert _features(tmp_path, "Number").labels == [["Plur", "Plur", None]]
    assert _features(tmp_path, "Tense").labels == [[None, "Pres", None]]
    message = r"gold\.parquet: no word has a 'Case'; set `label` to one of: Number, Tense"
    with pytest.raises(DataError, match=message):
        _features(tmp_path, "Case")


NAMES = "edges edge_deprel edge_entities edge_entities_twitter supersense cnumber length".split()
NAMES += ["word_content", "length_controlled", "word_content_controlled"]


@pytest.mark.parametrize("name", NAMES)
def test_conf_files_of_probed_tasks_are_checked(name: str) -> None:
    task = preparation.configured(name, _tasks.values("task", name))
    assert task.module.PROBED_ONLY
    sizes = getattr(task.options, "num_items", None) or getattr(task.options, "num_sentences", None)
    assert sizes is None or set(sizes) == set(base.SPLITS)
