"""Tables of labelled texts: what is read, and the one line about what cannot be."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from polyseme.config import build
from polyseme.errors import ConfigError, DataError
from polyseme.models.base import TEXT
from polyseme.tasks import table
from polyseme.tasks.base import Split
from polyseme.tasks.common import preparation

NAMED = {"text": "text", "label": "label"}
PAIR = {"family": "sentence_pair", "text": "a", "text_b": "b", "label": "label"}
SCORED = PAIR | {"family": "relatedness"}
LINES = {"format": "json_lines"}


def _options(**values: Any) -> table.Config:
    given = {"module": "table", "source": "x", "family": "classification", "tokenised": False}
    return build(table.Config, given | NAMED | values, file="conf/task/toy.yaml", key="task.toy")


def _read(folder: Path, content: str | bytes, **values: Any) -> Split:
    content = content.encode() if isinstance(content, str) else content
    (folder / "f").write_bytes(content)
    return table.prepare(_options(files={"train": "f"}, **values), folder)["train"]


def test_a_csv_is_read_as_the_standard_library_wrote_it(tmp_path: Path) -> None:
    rows = [('He said "no", twice', "neg"), ("two\nlines", "pos"), ("كتاب 💖", "pos")]
    with (tmp_path / "f").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerows([("id", "text", "label"), *((n, *row) for n, row in enumerate(rows))])
    split = table.prepare(_options(files={"train": "f"}), tmp_path)["train"]
    assert split.sentences == [
        ["He", "said", '"', "no", '"', ",", "twice"], ["two", "lines"], ["كتاب", "💖"],
    ]  # fmt: skip
    assert split.labels == ["neg", "pos", "pos"]


@pytest.mark.parametrize("values", [{}, {"quoted": False}])
def test_a_long_document_is_one_field(tmp_path: Path, values: dict[str, Any]) -> None:
    split = _read(tmp_path, f"text,label\n{'word ' * 60_000},a\n", **values)
    assert [len(words) for words in split.sentences] == [60_000]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_byte_order_mark_and_line_ends_change_nothing(tmp_path: Path, end: str, mark: str) -> None:
    content = mark + end.join(["text\tlabel", 'a "fine film\t1', "", "dull\t0"])
    split = _read(tmp_path, content, delimiter="\t", quoted=False)
    assert split.sentences == [["a", '"', "fine", "film"], ["dull"]]
    assert split.labels == ["1", "0"]


def test_columns_by_number_pairs_and_names_of_labels(tmp_path: Path) -> None:
    values = PAIR | {"text": 3, "text_b": 1, "label": 2, "header": False, "labels": {"1": "yes"}}
    split = _read(tmp_path, "b c,1,a\nd,1,e\n", **values)
    assert split.sentences == [["a", TEXT, "b", "c"], ["e", TEXT, "d"]]
    assert split.places == [[1], [1]]
    assert split.labels == ["yes", "yes"]


def test_json_lines_with_numbers_as_labels(tmp_path: Path) -> None:
    lines = [{"text": "a b", "label": 1}, {"text": "c", "label": True}, {"label": "1", "text": "d"}]
    split = _read(tmp_path, "\n".join(map(json.dumps, lines)), **LINES)
    assert (split.sentences, split.labels) == ([["a", "b"], ["c"], ["d"]], ["1", "true", "1"])


def test_both_halves_of_a_character_are_one(tmp_path: Path) -> None:
    line = '{"text":"a \\ud83d\\ude00","label":"\\ud83d\\ude00"}\n'
    assert _read(tmp_path, line, **LINES).labels == ["😀"]


def test_scores_are_numbers(tmp_path: Path) -> None:
    assert _read(tmp_path, "a,b,label\nx,y,4.5\nx,z, 0\n", **SCORED).labels == [4.5, 0.0]


def test_a_column_may_say_which_split_a_row_is_of(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("part,text,label\ntr,a,x\nte,b,y\ntr,c,y\n")
    names = {"train": "tr", "valid": "va", "test": "te"}
    options = _options(files={"all": "f"}, split_column="part", split_names=names)
    splits = table.prepare(options, tmp_path)
    assert {n: s.sentences for n, s in splits.items()} == {"train": [["a"], ["c"]], "test": [["b"]]}
    (tmp_path / "f").write_text("part,text,label\ndev,a,x\n")
    with pytest.raises(DataError, match=r"f:2: split is 'dev', none of tr, va, te; give `split_n"):
        table.prepare(options, tmp_path)


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("utf-8", "caf\u00e9"), ("iso-8859-1", "caf\u00e9"), ("cp1252", "a \u2013 b")],
)
def test_conf_names_the_encoding(tmp_path: Path, encoding: str, text: str) -> None:
    content = f"text,label\n{text},x\n".encode(encoding)
    assert _read(tmp_path, content, encoding=encoding).sentences == [text.split()]


BAD: list[tuple[str | bytes, dict[str, Any], str]] = [
    ("sentence,label\na,1\n", {}, r"f:1: has no column 'text'; name one of 'sentence', 'label'"),
    ("text,label,text\na,1,b\n", {}, r"f:1: has 2 columns 'text'"),
    ("text;label\na;1\n", {}, r"f:1: has no column 'label'; .*`delimiter`"),
    ("a,1\n", {"header": False, "text": 1, "label": 3}, r"f:1: has no column 3; name one of 1, 2"),
    ("text,label\na,1\nb\n", {}, r"f:3: has 1 columns, not 2; check `delimiter` and `quoted`"),
    ("text,label\na, b,1\n", {}, r"f:2: has 3 columns, not 2"),
    ('text,label\na,1\n"b,1\nc,1\n', {}, r"f:3: is no row \(unexpected end of data\); end the q"),
    ('text,label\n"a"b,1\n', {}, r"f:2: is no row \(',' expected after '\"'\)"),
    ("text,label\n ,1\n", {}, r"f:2: a text without words"),
    ("text,label\na,\n", {}, r"f:2: label is ''; write a name"),
    ("text,label\na,1\nb,2\n", {"labels": {"1": "x"}}, r"f:3: label is '2', none of 1; .*mixed up"),
    (b"text,label\ncaf\xe9,1\n", {}, r"f: byte 14: not UTF-8: byte 0xe9; convert it"),
    (b"text,label\ncaf\x81,1\n", {"encoding": "cp1252"}, r"f: byte 14: not CP1252: byte 0x81"),
    (b"text,label\na\0,1\n", {}, r"f: byte 12: NUL byte in text"),
    (b"\xff\xfet\0", {}, r"f: byte 0: UTF-16 text, not UTF-8"),
    ("a,b,label\nx,y,4\nx,y,high\n", SCORED, r"f:3: score is 'high', no finite number; .*mixed"),
    ("a,b,label\nx,y,nan\n", SCORED, r"f:2: score is 'nan', no finite number"),
    ("a,b,label\nx,y,\n", SCORED, r"f:2: score is '', no finite number"),
    ('{"a":"x","b":"y","label":NaN}\n', SCORED | LINES, r"f:1: score is 'nan', no finite"),
    ('{"a":"x","b":"y","label":1e999}\n', SCORED | LINES, r"f:1: score is 'inf', no finite"),
    (f'{{"a":"x","b":"y","label":{"9" * 400}}}\n', SCORED | LINES, r"f:1: score is '9+', no fin"),
    ('{"a":"x","b":"y","label":true}\n', SCORED | LINES, r"f:1: score is 'True', no finite"),
    ('{"text":"a","label":1}\n[1]\n', LINES, r"f:2: is no JSON object: '\[1\]'; write one object"),
    ('{"text":"a","label":1},\n', LINES, r"f:1: is no JSON object"),
    ('{"text":"a","label":"\\ud83d"}\n', LINES, r"f:1: has half a character: \\ud83d"),
    ("[" * 100_000 + "\n", LINES, r"f:1: is no JSON object"),
    ('\n{"text":"a"}\n', LINES, r"f:2: has no 'label'; it has 'text'"),
    ('{"text":["a"],"label":1}\n', LINES, r"f:1: text is \['a'\]; write it as a string"),
    ('{"text":"a","label":null}\n', LINES, r"f:1: label is None; write a name"),
    ('{"text":"a","label":[1]}\n', LINES, r"f:1: label is \[1\]; write a name"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "values", "message"), BAD)
def test_what_cannot_be_read_is_one_line(
    tmp_path: Path, content: str | bytes, values: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        _read(tmp_path, content, **values)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_columns_that_are_mixed_up_are_noticed_by_their_number_of_labels(tmp_path: Path) -> None:
    rows = "".join(f"word{n},{n % 2}\n" for n in range(200))
    assert len(_read(tmp_path, f"text,label\n{rows}")) == 200
    with pytest.raises(DataError, match=r"f: has 200 labels for 200 rows; .*mixed up"):
        _read(tmp_path, f"label,text\n{rows}")


def test_a_file_without_rows_is_an_empty_split_and_a_missing_file_is_named(tmp_path: Path) -> None:
    values = {"module": "table", "source": "x", "family": "classification", "tokenised": True}
    files = {"train": "a", "valid": "a", "test": "b"}
    task = preparation.configured("toy", values | NAMED | {"files": files})
    (tmp_path / "a").write_text("text,label\na,x\nb,y\n")
    for content in ("text,label\n", ""):
        (tmp_path / "b").write_text(content)
        with pytest.raises(DataError, match="source x: split 'test' is empty; check its source"):
            preparation.prepare(task, tmp_path)
    (tmp_path / "b").unlink()
    with pytest.raises(DataError, match=r"b: cannot be read: No such file"):
        preparation.prepare(task, tmp_path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"text_b": "b"}, "text_b for the families of pairs"),
        ({"family": "sentence_pair"}, "text_b for the families of pairs"),
        ({"family": "tagging"}, "'classification', 'sentence_pair' or 'relatedness'"),
        ({"header": False}, "columns by name where there is a header"),
        ({"text": 1}, "columns by name where there is a header"),
        ({"files": {"all": "f"}}, "all: ...} together with split_column"),
        ({"files": {"dev": "f"}}, "task.toy.files.dev"),
        ({"files": {"train": "../f"}}, "a path inside the folder"),
        ({"delimiter": "||"}, "delimiter = '||'"),
    ],
)
def test_conf_that_does_not_fit_together_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _options(**({"files": {"train": "f"}} | values))
    assert message in str(caught.value)
    assert str(caught.value).startswith("conf/task/toy.yaml: ")
