"""A file or a folder for each class, and questions with their class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from polyseme.config import build
from polyseme.errors import ConfigError, DataError
from polyseme.models.base import SENTENCE
from polyseme.tasks import class_files, question_classes

GIVEN = {"module": "x", "source": "x", "tokenised": True}
HELD_OUT = {"seed": 0, "valid": 0.0, "test": 0.0}


def _classes(folder: Path, **values: Any) -> list[tuple[list[str], str]]:
    given = GIVEN | {"classes": {"bad": "neg", "good": "pos"}, "held_out": HELD_OUT} | values
    options = build(class_files.Config, given, file="test")
    split = class_files.prepare(options, folder)["train"]
    return list(zip(map(list, split.sentences), split.labels, strict=True))


def test_a_line_is_a_text_and_a_blank_line_is_none(tmp_path: Path) -> None:
    (tmp_path / "neg").write_bytes("dull .\r\n\r\n  \nna\u00efve\u0085film".encode("iso-8859-1"))
    (tmp_path / "pos").write_text("fine\n")
    found = _classes(tmp_path, encoding="iso-8859-1")
    assert found == [(["dull", "."], "bad"), (["na\u00efve", "film"], "bad"), (["fine"], "good")]
    with pytest.raises(DataError, match=r"neg: byte 15: not UTF-8: byte 0xef; convert it"):
        _classes(tmp_path)


def test_a_file_of_a_folder_is_a_text(tmp_path: Path) -> None:
    for name, text in {"neg/b": "two\nlines\n", "neg/a": "one", "pos/c": "\nthree"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = [(["one"], "bad"), (["two", SENTENCE, "lines"], "bad"), (["three"], "good")]
    assert _classes(tmp_path, sentences="lines") == found
    (tmp_path / "pos/d").write_text(" \n")
    with pytest.raises(DataError, match=r"pos/d: a text without words; write it or delete it"):
        _classes(tmp_path)


@pytest.mark.parametrize("content", [None, "\n\n"])
def test_a_class_without_texts_is_named(tmp_path: Path, content: str | None) -> None:
    (tmp_path / "neg").write_text("dull\n")
    if content is None:
        (tmp_path / "pos").mkdir()
    else:
        (tmp_path / "pos").write_text(content)
    with pytest.raises(DataError, match=r"pos: class 'good' has no texts; check its source"):
        _classes(tmp_path)


def test_one_class_alone_and_no_word_of_splits_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"classes = .* is not allowed; .*at least 2 items"):
        _classes(tmp_path, classes={"bad": "neg"})
    with pytest.raises(ConfigError, match="held_out"):
        _classes(tmp_path, held_out=None)


def _questions(folder: Path, content: str, **values: Any) -> list[tuple[list[str], str]]:
    (folder / "f").write_text(content)
    options = build(
        question_classes.Config, GIVEN | {"files": {"train": "f"}} | values, file="test"
    )
    split = question_classes.prepare(options, folder)["train"]
    return list(zip(map(list, split.sentences), split.labels, strict=True))


def test_questions_have_a_coarse_and_a_fine_class(tmp_path: Path) -> None:
    content = "NUM:dist How far is it ?\n\nLOC:city Which city ?\n"
    words = [["How", "far", "is", "it", "?"], ["Which", "city", "?"]]
    assert _questions(tmp_path, content) == list(zip(words, ["NUM", "LOC"], strict=True))
    fine = list(zip(words, ["NUM:dist", "LOC:city"], strict=True))
    assert _questions(tmp_path, content, fine=True) == fine


@pytest.mark.parametrize("line", ["How far ?", ":dist How far ?", "NUM: How far ?", "NUM How"])
def test_a_question_without_class_is_named(tmp_path: Path, line: str) -> None:
    with pytest.raises(DataError, match=r"f:2: does not begin with a class: .*`COARSE:fine ques"):
        _questions(tmp_path, f"NUM:dist How far ?\n{line}\n")


def test_a_class_without_question_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"f:1: a text without words"):
        _questions(tmp_path, "NUM:dist\n")
