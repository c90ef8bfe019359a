"""Tasks: labels read from their sources, and sources that cannot be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from polyseme.errors import DataError
from polyseme.tasks import analogies, base, labelled_lines, similarity, truecase, ud_tags
from polyseme.tasks.base import Split


@pytest.mark.parametrize(
    ("word", "label"),
    [
        ("house", "lower"), ("Paris", "title"), ("NATO", "upper"), ("iPhone", "mixed"),
        ("I", None), ("a", None), ("1990", None), ("...", None), ("O'Brien", "mixed"),
        ("Élan", "title"), ("straße", "lower"), ("كتاب", None),
    ],
)  # fmt: skip
def test_case_of_a_word(word: str, label: str | None) -> None:
    assert truecase.case(word) == label


def test_similarity_reads_tabs_commas_and_comments(tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_text("# word word score\nlove\tsex\t6.77\n\ntiger,cat,7\n")
    options = similarity.Config(module="similarity", source="x", file="pairs.tsv")
    split = similarity.prepare(options, tmp_path)["test"]
    assert split.sentences == [["love", "sex"], ["tiger", "cat"]]
    assert split.labels == [6.77, 7.0]


@pytest.mark.parametrize("line", ["love sex high", "love 6.77", "a b c 3", "a b nan", "a b inf"])
def test_a_similarity_line_that_is_none_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "pairs.tsv").write_text(f"love\tsex\t6.77\n{line}\n")
    options = similarity.Config(module="similarity", source="x", file="pairs.tsv")
    with pytest.raises(DataError, match=r"pairs\.tsv:2: is not `word word score`"):
        similarity.prepare(options, tmp_path)


def test_analogies_keep_their_section_and_an_odd_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "questions.txt"
    path.write_text(": capital\nAthens Greece Oslo Norway\n")
    options = analogies.Config(module="analogies", source="x", file="questions.txt")
    split = analogies.prepare(options, tmp_path)["test"]
    assert (split.sentences, split.labels) == (
        [["Athens", "Greece", "Oslo", "Norway"]],
        ["capital"],
    )
    path.write_text(": capital\nAthens Greece Oslo\n")
    with pytest.raises(DataError, match=r"questions\.txt:2: has 3 words, not 4"):
        analogies.prepare(options, tmp_path)


def test_labelled_lines_are_read_and_a_label_alone_is_named(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text("1 a fine film\n\n0 dull\n")
    options = labelled_lines.Config(module="labelled_lines", source="x", files={"train": "lines"})
    split = labelled_lines.prepare(options, tmp_path)["train"]
    assert (split.sentences, split.labels) == ([["a", "fine", "film"], ["dull"]], ["1", "0"])
    path.write_text("1 a fine film\n0\n")
    with pytest.raises(DataError, match=r"lines:2: has a label but no words"):
        labelled_lines.prepare(options, tmp_path)


def test_written_splits_are_read_back_and_an_empty_one_is_refused(tmp_path: Path) -> None:
    split = Split([["a", "b"], ["c"]], [["X", None], ["Y"]])
    base.write(tmp_path, {"train": split}, {"name": "toy", "family": "tagging"})
    assert base.read(tmp_path, "train") == split
    assert base.read_card(tmp_path)["num_words"] == {"train": 3}
    assert base.label_names(split.labels) == ["X", "Y"]
    with pytest.raises(DataError, match="toy: split 'test' is empty"):
        base.write(tmp_path, {"test": Split([], [])}, {"name": "toy", "family": "tagging"})


def test_label_budgets_are_nested_and_a_budget_over_the_data_is_refused() -> None:
    split = Split([["a"]] * 50, ["x"] * 50)
    small, large = (set(base.budget_items(split, n, task="toy")) for n in (8, 32))
    assert len(small) == 8
    assert small < large
    assert base.budget_items(split, "all", task="toy") == list(range(50))
    with pytest.raises(DataError, match="toy: has 50 training items"):
        base.budget_items(split, 51, task="toy")


@pytest.mark.mirror
def test_upos_and_sst2_have_their_published_sizes() -> None:
    mirror = os.environ.get("POLYSEME_MIRROR")
    if not mirror:
        pytest.skip("POLYSEME_MIRROR is not set: the real treebank and SST are not here")
    files = {
        s: f"en_ewt-ud-{n}.conllu"
        for s, n in (("train", "train"), ("valid", "dev"), ("test", "test"))
    }
    options = ud_tags.Config(module="ud_tags", source="x", files=files)
    splits = ud_tags.prepare(options, Path(mirror) / "ud-english-ewt")
    assert [len(s) for s in splits.values()] == [12_544, 2_001, 2_077]
    assert [sum(map(len, s.sentences)) for s in splits.values()] == [204_577, 25_147, 25_094]
    assert base.label_names(splits["train"].labels)[:3] == ["ADJ", "ADP", "ADV"]
    files = {
        s: f"stsa.binary.{n}" for s, n in (("train", "train"), ("valid", "dev"), ("test", "test"))
    }
    lines = labelled_lines.Config(module="labelled_lines", source="x", files=files)
    splits = labelled_lines.prepare(lines, Path(mirror) / "sst")
    assert [len(s) for s in splits.values()] == [6_920, 872, 1_821]
    assert base.label_names(splits["train"].labels) == ["0", "1"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("train test", r"toy: split 'valid' is missing; give train, valid, test in its conf file"),
        ("train valid test dev", r"toy: split 'dev' is not known"),
    ],
)
def test_labelled_data_without_all_splits_are_refused(names: str, message: str) -> None:
    split = Split([["a"]], ["x"])
    base.require_splits(dict.fromkeys(base.SPLITS, split), task="toy")
    with pytest.raises(DataError, match=message):
        base.require_splits(dict.fromkeys(names.split(), split), task="toy")
