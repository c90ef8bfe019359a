"""Public data sets as they are: published sizes, overlaps, and the page that shows them."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks import _tasks

from polyseme.models.base import TEXT
from polyseme.tasks import base
from polyseme.tasks.base import SPLITS, Split, same_words
from polyseme.tasks.common import preparation
from polyseme.tasks.common.duplicates import same_letters
from polyseme.tasks.common.preparation import Task

TASKS = {task.name: task for task in _tasks.tasks("sentences")}
Splits = dict[str, Split]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where data sets are put, once for all tests."""
    if not os.environ.get("POLYSEME_MIRROR"):
        pytest.skip("POLYSEME_MIRROR is not set: the real data sets are not here")
    return tmp_path_factory.mktemp("data")


def _prepared(folder: Path, name: str, **values: Any) -> tuple[Splits, dict[str, Any]]:
    task: Task = preparation.configured(name, _tasks.values("task", name) | values)
    return _tasks.prepared(task, folder)


def _all(splits: Splits, *names: str) -> list[list[str]]:
    return [list(words) for name in names or SPLITS for words in splits[name].sentences]


def _labels(splits: Splits) -> Counter[Any]:
    return Counter(label for split in splits.values() for label in split.labels)


OFFICIAL = {
    "sst2": (6_920, 872, 1_821),
    "sst5": (8_544, 1_101, 2_210),
    "cola": (8_551, 527, 516),
    "sick_entailment": (4_500, 500, 4_927),
    "sick_relatedness": (4_500, 500, 4_927),
    "stsb": (5_749, 1_500, 1_379),
}
DRAWN = {
    "mr": {"negative": 5_331, "positive": 5_331},
    "subj": {"objective": 5_000, "subjective": 5_000},
    "cr": {"negative": 1_366, "positive": 2_405},
    "mpqa": {"negative": 7_292, "positive": 3_311},
    "imdb": {"negative": 1_000, "positive": 1_000},
}
PARTLY = {"trec": (5_452, 500), "mnli": (7_107, 1_777)}


@pytest.mark.mirror
@pytest.mark.parametrize("name", OFFICIAL)
def test_official_splits_have_their_published_sizes(folder: Path, name: str) -> None:
    splits, _ = _prepared(folder, name)
    assert tuple(len(splits[split]) for split in SPLITS) == OFFICIAL[name]


@pytest.mark.mirror
@pytest.mark.parametrize("name", DRAWN)
def test_what_has_no_split_has_its_published_classes_and_is_split_in_tenths(
    folder: Path, name: str
) -> None:
    splits, card = _prepared(folder, name)
    assert _labels(splits) == DRAWN[name]
    total = sum(DRAWN[name].values())
    for held_out in ("valid", "test"):
        assert abs(len(splits[held_out]) / total - 0.1) < 4 * (0.09 / total) ** 0.5
    assert card["held_out"] == {"seed": 0, "valid": 0.1, "test": 0.1}
    texts = [{same_words(words) for words in splits[split].sentences} for split in SPLITS]
    if name != "imdb":  # two of its documents go on in another way after 512 words
        assert len(set.union(*texts)) == sum(map(len, texts))


@pytest.mark.mirror
@pytest.mark.parametrize("name", PARTLY)
def test_valid_is_taken_from_train_where_there_is_a_test_split(folder: Path, name: str) -> None:
    splits, _ = _prepared(folder, name)
    assert (len(splits["train"]) + len(splits["valid"]), len(splits["test"])) == PARTLY[name]
    assert len(splits["valid"]) > 0.08 * PARTLY[name][0]


@pytest.mark.mirror
def test_labels_are_the_published_ones(folder: Path) -> None:
    cola = _labels(_prepared(folder, "cola")[0])
    assert cola["acceptable"] / cola.total() == pytest.approx(0.70, abs=0.01)
    sick, _ = _prepared(folder, "sick_entailment")
    sizes = {"train": (665, 1_299, 2_536), "valid": (74, 144, 282), "test": (720, 1_414, 2_793)}
    for name, found in sizes.items():
        counts = Counter(sick[name].labels)
        assert tuple(counts[n] for n in ("contradiction", "entailment", "neutral")) == found
    for fine, number in ((False, 6), (True, 50)):
        splits, _ = _prepared(folder, "trec", fine=fine)
        assert len(base.label_names(splits["train"].labels)) == number
    for name, ends in {"sick_relatedness": (1, 5), "stsb": (0, 5)}.items():
        scores = np.array(_prepared(folder, name)[0]["train"].labels)
        assert (scores.min(), scores.max()) == ends


@pytest.mark.mirror
def test_words_are_those_of_the_files(folder: Path) -> None:
    first = " ".join(_prepared(folder, "cola")[0]["valid"].sentences[0])
    assert first == "The sailors rode the breeze clear of the rocks ."
    stsb = _prepared(folder, "stsb")[0]["train"]
    wanted = f"A plane is taking off . {TEXT} An air plane is taking off ."
    assert (" ".join(stsb.sentences[0]), stsb.labels[0], stsb.places) == (wanted, 5.0, stsb.places)
    assert stsb.places is not None and stsb.places[0] == [6]
    questions = map(" ".join, _all(_prepared(folder, "trec")[0]))
    assert any("as a sister\u0111city with Los Angeles" in question for question in questions)


@pytest.mark.mirror
def test_documents_are_cut_and_the_card_says_how_many(folder: Path) -> None:
    splits, card = _prepared(folder, "imdb")
    assert max(map(len, _all(splits))) == 512
    base.write(folder, splits, card)
    assert sum(base.read_card(folder)["num_cut"].values()) == 1_589
    whole, _ = _prepared(folder, "imdb", max_words=None)
    assert all(split.cut is None for split in whole.values())
    assert sum(len(words) > 512 for words in _all(whole)) == 1_589


@pytest.mark.mirror
def test_duplicates_are_those_that_are_known(folder: Path) -> None:
    splits, card = _prepared(folder, "sick_entailment")
    assert card["also_in_train"] == {"valid": 3, "test": 49}
    kept, card = _prepared(folder, "sick_entailment", drop_duplicates=True)
    assert len(splits["train"]) - len(kept["train"]) == card["dropped_from_train"]
    again = {same_words(w) for w in _all(kept, "train")} & {
        same_words(w) for w in _all(kept, "test")
    }
    assert not again
    splits, _ = _prepared(folder, "trec")
    train = _all(splits, "train", "valid")
    assert sum(words in train for words in _all(splits, "test")) == 10
    lower = {same_words(words) for words in train}
    assert sum(same_words(words) in lower for words in _all(splits, "test")) == 11


@pytest.mark.mirror
def test_overlaps_are_those_of_the_page(folder: Path) -> None:
    """Figures of docs/tasks.md and docs/footguns.md."""
    mr, subj, sst = (_prepared(folder, name)[0] for name in ("mr", "subj", "sst5"))
    snippets = {same_letters(words) for words in _all(mr)}
    found = [sum(same_letters(w) in snippets for w in _all(sst, name)) for name in SPLITS]
    assert found == [6_533, 845, 1_702]
    assert sum(same_letters(words) in snippets for words in _all(subj)) == 4_179
    mnli, _ = _prepared(folder, "mnli")
    premises = {same_words(words[: words.index(TEXT)]) for words in _all(mnli, "train")}
    assert sum(same_words(w[: w.index(TEXT)]) in premises for w in _all(mnli, "test")) == 1_467
    sick, _ = _prepared(folder, "sick_entailment")
    texts = [" ".join(words).casefold().split(f" {TEXT} ") for words in _all(sick, "train")]
    known = {text for pair in texts for text in pair}
    pairs = [" ".join(words).casefold().split(f" {TEXT} ") for words in _all(sick, "test")]
    assert sum(known.issuperset(pair) for pair in pairs) == 2_533


@pytest.mark.mirror
def test_the_page_shows_what_there_is(folder: Path) -> None:
    made = _tasks.content("sentences", folder)
    assert _tasks.shown("sentences") == made, "run `python -m benchmarks._tasks`"


def test_every_task_is_in_the_page_and_its_data_set_says_where_it_is_from() -> None:
    shown = _tasks.shown("sentences")
    assert {line.split("`")[1] for line in shown.splitlines()[2:]} == set(TASKS)
    assert {*OFFICIAL, *DRAWN, *PARTLY} == set(TASKS)
    for task in TASKS.values():
        source = _tasks.dataset(task)
        assert source.licence in shown
        assert all(file.url and "raw.githubusercontent.com" in file.url for file in source.files)
