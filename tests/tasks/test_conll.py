"""CoNLL columns: what is read, and what is refused with its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from polyseme.errors import DataError
from polyseme.tasks import conll
from polyseme.tasks.base import Split

GOOD = "The\tO\nNew\tB-LOC\nYork\tI-LOC\n\nB\tB-PER\n"
LONG = "x" * 10_000


def _read(folder: Path, text: str, **values: Any) -> Split:
    (folder / "a.conll").write_bytes(text.encode())
    options = conll.Config(module="conll", source="x", files={"train": ("a.conll",)}, **values)
    return conll.prepare(options, folder)["train"]


def test_sentences_and_labels(tmp_path: Path) -> None:
    split = _read(tmp_path, GOOD)
    assert split.sentences == [["The", "New", "York"], ["B"]]
    assert split.labels == [["O", "B-LOC", "I-LOC"], ["B-PER"]]
    assert len(_read(tmp_path, GOOD, max_sentences={"train": 1})) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.rstrip("\n"),
        lambda text: text.replace("\n\n", "\n\t\n\n"),
        lambda text: text.replace("\t", "  "),
        lambda text: "-DOCSTART-\tO\n\n" + text,
    ],
    ids=["byte order mark", "CRLF", "no last newline", "blank lines", "spaces", "DOCSTART"],
)
def test_harmless_departures_are_read(tmp_path: Path, change: Any) -> None:
    assert _read(tmp_path, change(GOOD)) == _read(tmp_path, GOOD)


def test_columns_comments_and_labels_that_are_no_spans(tmp_path: Path) -> None:
    text = "# one\nThe DT x O\n#tag NN x ORG\n"
    split = _read(tmp_path, text, word=0, label=1, family="tagging", comments=True)
    assert (split.sentences, split.labels) == ([["The"]], [["DT"]])
    tweets = _read(tmp_path, "#tag\tB-ORG\n#\tO\n")
    assert tweets.sentences == [["#tag", "#"]]


def test_words_of_any_script_and_length(tmp_path: Path) -> None:
    split = _read(tmp_path, f"{LONG}\tO\nكتاب\tO\n👩‍👩‍👧\tO\na b\tO\n")
    assert split.sentences == [[LONG, "كتاب", "👩‍👩‍👧", "a b"]]


def test_files_of_a_split_stand_one_after_the_other(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_text(f"{name}\tO\n")
    options = conll.Config(module="conll", source="x", files={"train": ("b", "a")})
    assert conll.prepare(options, tmp_path)["train"].sentences == [["b"], ["a"]]


def test_a_line_without_a_word_may_be_left_out(tmp_path: Path) -> None:
    split = _read(tmp_path, "a\tO\n\tO\n \tO\nb\tO\n\n\tO\n\n", drop_empty=True)
    assert split.sentences == [["a", "b"]]


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("a\tO\nb\n", 2, "1 columns separated by tabs, and 2 in the first line"),
        ("a\tO\nb\tO\tO\n", 2, "3 columns separated by tabs, and 2"),
        ("a\tO\nb O\n", 2, "1 columns separated by tabs, and 2"),
        ("a O\nb\tO\n", 2, "separated by spaces"),
        ("a\tO\n\tO\n", 2, "has no word"),
        ("a\tO\nb\t\n", 2, "has no label"),
        ("a\tO\nb\tX-PER\n", 2, "'X-PER' is no tag of bio"),
        ("a\tO\nb\tB\n", 2, "'B' is no tag of bio"),
        ("a\tO\nb\tS-PER\n", 2, "'S-PER' is no tag of bio; write O, B-type, I-type"),
        ("a\tO\n\nb\tI-PER\n", 3, "I-PER follows O, and no B-PER begins it"),
        ("a\tB-LOC\nb\tI-PER\n", 2, "I-PER follows B-LOC"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, text: str, line: int, what: str) -> None:
    with pytest.raises(DataError, match=what) as caught:
        _read(tmp_path, text)
    assert f"a.conll:{line}:" in str(caught.value)
    assert caught.value.mend


@pytest.mark.parametrize(
    ("scheme", "tags", "line"),
    [
        ("iob1", "I-A B-A O I-B", 0), ("bioes", "S-A B-A I-A E-A O S-B", 0),
        ("bioes", "B-A O", 1), ("bioes", "O B-A", 2), ("bioes", "B-A B-A E-A", 1),
        ("bioes", "B-A I-B", 2), ("bioes", "O E-A", 2), ("iob1", "E-A", 1),
    ],
)  # fmt: skip
def test_schemes(tmp_path: Path, scheme: Any, tags: str, line: int) -> None:
    text = "".join(f"w\t{tag}\n" for tag in tags.split())
    if not line:
        assert _read(tmp_path, text, scheme=scheme).labels == [tags.split()]
        return
    with pytest.raises(DataError, match=rf"a\.conll:{line}: "):
        _read(tmp_path, text, scheme=scheme)


def test_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.conll:1: has 2 columns, and no column 3 for the labe"):
        _read(tmp_path, GOOD, label=3)
