from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from polyseme.corpora import jsonl, parquet, text
from polyseme.corpora.base import RawDocument
from polyseme.errors import DataError

TEXT = "One one.\nOne two.\n\n\nTwo.\n \nThree."


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("file", [("a.txt", TEXT)]),
        (
            "blank_line",
            [("a.txt:1", "One one.\nOne two."), ("a.txt:5", "Two."), ("a.txt:7", "Three.")],
        ),
        (
            "line",
            [
                ("a.txt:1", "One one."),
                ("a.txt:2", "One two."),
                ("a.txt:5", "Two."),
                ("a.txt:7", "Three."),
            ],
        ),
    ],
)
def test_text_documents_are_files_blocks_or_lines(
    tmp_path: Path, unit: str, expected: list[tuple[str, str]]
) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    options = text.Config(document=unit)  # type: ignore[arg-type]
    found = [(raw.title, raw.text.rstrip()) for raw in text.documents(options, tmp_path / "a.txt")]
    assert found == expected


def test_text_paragraphs() -> None:
    raw = RawDocument("t", "One\none.\n\nTwo.", 0)
    assert text.clean(text.Config(), raw) == ["One\none.", "Two."]
    assert text.clean(text.Config(paragraph="line"), raw) == ["One", "one.", "", "Two."]


def test_a_text_document_that_is_too_long_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("short\n\n" + "many words\n" * 20)
    options = text.Config(max_characters=100)
    with pytest.raises(DataError, match=r"a.txt:1: document longer.*blank_line or line"):
        list(text.documents(options, tmp_path / "a.txt"))


def lines(path: Path, *values: object) -> Path:
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, values)).encode()))
    return path


def test_jsonl_fields(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl.gz", {"body": "One.", "id": "x"}, {"body": None, "id": "y"})
    options = jsonl.Config(text_field="body", title_field="id")
    found = [(raw.title, raw.text) for raw in jsonl.documents(options, path)]
    assert found == [("x", "One."), ("y", "")]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[1]", "not a JSON object"),
        ('{"body": "x"}', "no field 'text'.*found: body"),
        ('{"text": 5}', "field 'text' is int"),
        ('{"text": "a\\u0000b"}', "NUL"),
    ],
)
def test_jsonl_errors_name_file_and_line(tmp_path: Path, line: str, what: str) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "good"}\n\n' + line + "\n")
    with pytest.raises(DataError, match=what) as caught:
        list(jsonl.documents(jsonl.Config(), tmp_path / "a.jsonl"))
    assert f"{tmp_path}/a.jsonl:3:" in str(caught.value)


def table(path: Path, **columns: list[object]) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def test_parquet_columns(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", body=["One.", None] * 100, name=["x", "y"] * 100)
    options = parquet.Config(text_column="body", title_column="name")
    found = [(raw.title, raw.text) for raw in parquet.documents(options, path)]
    assert found == [("x", "One."), ("y", "")] * 100


def test_parquet_errors(tmp_path: Path) -> None:
    def read(path: Path) -> None:
        list(parquet.documents(parquet.Config(), path))

    with pytest.raises(DataError, match=r"no column 'text'.*found: body"):
        read(table(tmp_path / "a.parquet", body=["x"]))
    with pytest.raises(DataError, match="column 'text' is int64"):
        read(table(tmp_path / "b.parquet", text=[1]))
    with pytest.raises(DataError, match="row 1: NUL"):
        read(table(tmp_path / "c.parquet", text=["ok", "a\0b"]))
    whole = table(tmp_path / "d.parquet", text=["x" * 1000] * 10).read_bytes()
    (tmp_path / "d.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"d.parquet: no Parquet file, or a damaged one"):
        read(tmp_path / "d.parquet")


@pytest.mark.parametrize(
    "kind", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
)
def test_parquet_strings_of_every_kind(tmp_path: Path, kind: pa.DataType) -> None:
    values = ["One.", None, "Two."] * 50
    path = table(tmp_path / "a.parquet", text=pa.array(values).cast(kind))
    found = [raw.text for raw in parquet.documents(parquet.Config(), path)]
    assert found == [value or "" for value in values]


@pytest.mark.parametrize("packed", [False, True])
def test_parquet_text_that_is_not_utf_8_names_its_row(tmp_path: Path, packed: bool) -> None:
    values = pa.array([b"good"] * 70 + [b"caf\xe9 x"] + [b"good"])
    text_array = pa.Array.from_buffers(pa.string(), len(values), values.buffers())
    if packed:
        text_array = text_array.dictionary_encode()
    path = table(tmp_path / "a.parquet", text=text_array)
    with pytest.raises(DataError, match=r"a.parquet: row 70: not UTF-8: byte 0xe9 at 3"):
        list(parquet.documents(parquet.Config(), path))


def test_a_parquet_column_that_stands_there_twice_is_refused(tmp_path: Path) -> None:
    made = pa.table([pa.array(["a"]), pa.array(["b"])], names=["text", "text"])
    pq.write_table(made, tmp_path / "a.parquet")
    with pytest.raises(DataError, match="column 'text' stands there twice"):
        list(parquet.documents(parquet.Config(), tmp_path / "a.parquet"))
