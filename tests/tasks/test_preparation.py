"""What every task gets without its reader's doing: duplicates, main metric, what the card tells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import matthews_corrcoef

from polyseme.errors import ConfigError, DataError
from polyseme.tasks import base
from polyseme.tasks.base import Split
from polyseme.tasks.common import duplicates, preparation
from polyseme.tasks.common.prepared import PreparedTask
from polyseme.tasks.families.base import Scored, get

LINES = {"module": "labelled_lines", "source": "x", "files": {n: n for n in base.SPLITS}}
TRAIN = "x A fine film\ny dull\nx a fine FILM\nx good\ny bad\n"


def _prepare(folder: Path, **values: Any) -> tuple[dict[str, Split], dict[str, Any]]:
    for name, text in {
        "train": TRAIN,
        "valid": "y A Fine film\nx new\n",
        "test": "x bad\n",
    }.items():
        if not (folder / name).exists():
            (folder / name).write_text(text)
    return preparation.prepare(preparation.configured("toy", LINES | values), folder)


def test_the_card_counts_items_that_are_in_train_too(tmp_path: Path) -> None:
    splits, card = _prepare(tmp_path)
    assert card["also_in_train"] == {"valid": 1, "test": 1}
    assert "dropped_from_train" not in card
    assert len(splits["train"]) == 5


def test_duplicates_are_dropped_from_train_whatever_the_reader(tmp_path: Path) -> None:
    splits, card = _prepare(tmp_path, drop_duplicates=True)
    assert splits["train"].sentences == [["dull"], ["good"]]
    assert splits["train"].labels == ["y", "x"]
    assert card["also_in_train"] == {"valid": 1, "test": 1}
    assert card["dropped_from_train"] == 3
    assert duplicates.in_train(splits) == {"valid": 0, "test": 0}


def test_a_split_is_cut_to_the_size_in_conf_and_the_card_tells_from_what(tmp_path: Path) -> None:
    splits, card = _prepare(tmp_path, at_most={"train": 4, "test": 9})
    assert {name: len(split) for name, split in splits.items()} == {
        "train": 4, "valid": 2, "test": 1,
    }  # fmt: skip
    assert card["drawn_from"] == {"train": 5, "valid": 2, "test": 1}
    assert set(splits["train"].labels) == {"x", "y"}
    assert "drawn_from" not in _prepare(tmp_path)[1]


def test_a_train_split_of_duplicates_alone_is_empty(tmp_path: Path) -> None:
    (tmp_path / "train").write_text("x bad\ny new\n")
    with pytest.raises(DataError, match="source x: split 'train' is empty"):
        _prepare(tmp_path, drop_duplicates=True)


def test_a_label_unseen_in_training_is_told_and_counts_as_wrong(tmp_path: Path) -> None:
    (tmp_path / "test").write_text("z bad\nx new\n")
    splits, card = _prepare(tmp_path)
    assert card["unseen_labels"] == {"valid": [], "test": ["z"]}
    base.write(tmp_path, splits, card)
    task = PreparedTask(tmp_path)
    ((gold,), (other,)) = task.targets(task.splits["test"])
    assert (gold, other) == (2, 0)
    scored = Scored(*np.array([[0, 1], [0, 0], [gold, other], [1, 0]]), task.labels)
    assert task.score(scored)["accuracy"] == 0.5


@pytest.mark.parametrize(
    ("family", "places", "message"),
    [
        ("span_pair", [0, 1, 90, 92], r"split 'test', item 1: span \[90, 92\] is outside of its"),
        ("edge", [2, 2], r"split 'test', item 1: span \[2, 2\] is empty"),
        ("word_sense", [3], r"split 'test', item 1: words \[3\] are not all among its 3 words"),
        ("word_sense", [-1], r"split 'test', item 1: words \[-1\] are not all"),
    ],
)
def test_places_outside_of_their_text_are_refused(
    family: str, places: list[int], message: str
) -> None:
    inside = {"span_pair": [0, 1, 1, 2], "edge": [0, 1], "word_sense": [2]}[family]
    label: Any = ["x"] if family == "word_sense" else "x"
    split = Split([["a", "b", "c"]] * 2, [label] * 2, [inside, places])
    with pytest.raises(DataError, match=message):
        preparation.require_places(split, get(family), where="split 'test'")
    preparation.require_places(split.chosen([0]), get(family), where="x")


def test_one_label_alone_is_refused_when_the_task_is_prepared(tmp_path: Path) -> None:
    (tmp_path / "train").write_text("x a\nx b\n")
    with pytest.raises(DataError, match="source x: has one label only: 'x'; check its source"):
        _prepare(tmp_path)


def test_conf_names_the_main_metric_and_it_is_measured(tmp_path: Path) -> None:
    splits, card = _prepare(tmp_path, main_metric="matthews")
    assert card["main_metric"] == "matthews"
    base.write(tmp_path, splits, card)
    gold, found = np.random.default_rng(0).integers(0, 2, (2, 50))
    scored = Scored(np.arange(50), np.zeros(50, int), gold, found, ["x", "y"])
    scores = PreparedTask(tmp_path).score(scored)
    assert set(scores) == {"accuracy", "macro_f1", "matthews"}
    (tn, fp), (fn, tp) = [[((gold == g) & (found == f)).sum() for f in (0, 1)] for g in (0, 1)]
    by_hand = (tp * tn - fp * fn) / np.sqrt(float((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)))
    assert scores["matthews"] == pytest.approx(by_hand)
    assert scores["matthews"] == pytest.approx(matthews_corrcoef(gold, found))


def test_without_a_word_the_family_decides_and_measures_nothing_else(tmp_path: Path) -> None:
    splits, card = _prepare(tmp_path)
    base.write(tmp_path, splits, card)
    scored = Scored(*np.array([[0, 1], [0, 0], [0, 1], [0, 0]]), ["x", "y"])
    assert card["main_metric"] == "accuracy"
    assert set(PreparedTask(tmp_path).score(scored)) == {"accuracy", "macro_f1"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"main_metric": "f2"},
            "conf/task/toy.yaml: task.toy.main_metric = 'f2' is not measured; ",
        ),
        ({"main_metric": 3}, "conf/task/toy.yaml: task.toy.main_metric = 3 is not allowed"),
        ({"drop_duplicates": "yes"}, "conf/task/toy.yaml: task.toy.drop_duplicates = 'yes'"),
        ({"drop_copies": True}, "conf/task/toy.yaml: unknown key 'task.toy.drop_copies'"),
        ({"module": "labeled_lines"}, "conf/task: no task module 'labeled_lines'"),
    ],
)
def test_a_bad_value_is_refused_in_one_line(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        preparation.configured("toy", LINES | values)
    assert str(caught.value).startswith(message)


def test_a_task_without_labels_to_train_on_has_no_main_metric() -> None:
    values = {"module": "similarity", "source": "x", "file": "f", "main_metric": "spearman"}
    with pytest.raises(ConfigError, match="is not measured; leave it out: nothing is trained"):
        preparation.configured("toy", values)


def test_the_command_compares_letters_and_names_a_folder_without_task(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, words in {"a": [["It", "'s", "OK", "."], ["no"]], "b": [["it's", "ok"]]}.items():
        (tmp_path / name).mkdir()
        split = Split(words, ["x"] * len(words))
        base.write(tmp_path / name, {"train": split}, {"name": name, "family": "classification"})
    for other, code in (("b", 0), ("c", DataError.exit_code)):
        monkeypatch.setattr("sys.argv", ["x", str(tmp_path / "a"), str(tmp_path / other)])
        assert duplicates.main() == code
    out, error = capsys.readouterr()
    assert out == "train: 1 of 2\n"
    assert "c: is no prepared task" in error
