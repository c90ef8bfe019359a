"""BLiMP, Gulordava's agreement and SyntaxGym: what is read, and what is refused where."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from benchmarks import _tasks

from polyseme.errors import DataError
from polyseme.models.base import TEXT
from polyseme.runtime import manifest
from polyseme.tasks import blimp, gulordava, syntaxgym
from polyseme.tasks.common import preparation

Line = dict[str, Any]


def _line(good: str, bad: str, term: str = "islands") -> Line:
    return {"sentence_good": good, "sentence_bad": bad, "linguistics_term": term, "UID": "x"}


def _write(folder: Path, name: str, *lines: Line | str) -> None:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    (folder / name).write_text("\n".join(texts) + "\n" if texts else "")


def _blimp(**values: Any) -> blimp.Config:
    return blimp.Config(module="blimp", source="x", **values)


GOOD = _line("Who can't Ann's friend see?", "Who can't see Ann's friend?")


def test_blimp_pairs_by_paradigm_and_phenomenon(tmp_path: Path) -> None:
    _write(tmp_path, "b.jsonl", _line("A b.", "B a.", "order"), _line("C b.", "B c.", "order"))
    _write(tmp_path, "a.jsonl", GOOD, GOOD)
    split = blimp.prepare(_blimp(per_paradigm=1), tmp_path)["test"]
    assert split.sentences == [
        ["Who", "can't", "Ann's", "friend", "see", "?", TEXT,
         "Who", "can't", "see", "Ann's", "friend", "?"],
        ["A", "b", ".", TEXT, "B", "a", "."],
    ]  # fmt: skip
    assert split.labels == [["a", "phenomenon: islands"], ["b", "phenomenon: order"]]
    assert len(blimp.prepare(_blimp(), tmp_path)["test"]) == 4


def test_lines_that_are_named_are_left_out_before_pairs_are_counted(tmp_path: Path) -> None:
    _write(tmp_path, "a.jsonl", _line("A b.", "A b."), GOOD)
    found = blimp.prepare(_blimp(left_out={"a": (1,)}, per_paradigm=1), tmp_path)["test"]
    assert len(found) == 1 and found.sentences[0][0] == "Who"


@pytest.mark.parametrize(
    ("lines", "where", "what"),
    [
        ([GOOD, _line("A  b.", "A b.")], "a.jsonl:2", "the same"),
        ([GOOD, '{"sentence_good": "A'], "a.jsonl:2", "no JSON"),
        ([{"sentence_good": "A b."}], "a.jsonl:1", "sentence_bad"),
        (["[1]"], "a.jsonl:1", "sentence_good"),
        ([_line("", "A b.")], "a.jsonl:1", "without words"),
        (
            ['{"sentence_good": "a", "sentence_bad": "b", "linguistics_term": "\\udc00"}'],
            "a.jsonl:1",
            "half a character",
        ),
        ([], "a.jsonl", "no pairs"),
    ],
)
def test_blimp_refuses(tmp_path: Path, lines: list[Line | str], where: str, what: str) -> None:
    _write(tmp_path, "a.jsonl", *lines)
    with pytest.raises(DataError, match=rf"{where}: .*{what}.*;"):
        blimp.prepare(_blimp(), tmp_path)


def test_blimp_refuses_a_folder_without_paradigms(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no \.jsonl files"):
        blimp.prepare(_blimp(), tmp_path)


HEADER = "pattern\ttype\tclass\tform\tlen_prefix\tsent"
SENT = '"The "" dog sees it . <eos>"'
ROWS = [f"N_V\toriginal\t{kind}\t{form}\t3\t{SENT}" for kind, form in
        (("correct", "runs"), ("wrong", "run"))]  # fmt: skip


def _gulordava(folder: Path, *lines: str) -> Any:
    (folder / "g.tab").write_text("\n".join(lines) + "\n")
    options = gulordava.Config(module="gulordava", source="x", file="g.tab")
    return gulordava.prepare(options, folder)["test"]


def test_gulordava_puts_both_forms_into_the_sentence(tmp_path: Path) -> None:
    split = _gulordava(tmp_path, HEADER, *ROWS)
    assert split.sentences == [
        ["The", '"', "dog", "runs", "it", ".", TEXT, "The", '"', "dog", "run", "it", "."]
    ]
    assert split.labels == [["N_V", "type: original"]]


@pytest.mark.parametrize(
    ("lines", "where", "what"),
    [
        ([HEADER, ROWS[0], ROWS[0]], "g.tab:2", "no pair"),
        ([HEADER, ROWS[0]], "g.tab:2", "no row below"),
        ([HEADER, ROWS[0], ROWS[1].replace("dog", "cat")], "g.tab:2", "no pair"),
        ([HEADER, ROWS[0].replace("\t3\t", "\t9\t"), ROWS[1]], "g.tab:2", "len_prefix"),
        ([HEADER, ROWS[0].replace("\t3\t", "\tx\t"), ROWS[1]], "g.tab:2", "len_prefix"),
        ([HEADER, ROWS[0], ROWS[1].replace("\trun\t", "\truns\t")], "g.tab:2", "the same"),
        ([HEADER, "N_V\toriginal"], "g.tab:2", "2 columns, not 6"),
        ([HEADER.replace("sent", "x"), *ROWS], "g.tab:1", "no column 'sent'"),
    ],
)
def test_gulordava_refuses(tmp_path: Path, lines: list[str], where: str, what: str) -> None:
    with pytest.raises(DataError, match=rf"{where}: .*{what}.*;"):
        _gulordava(tmp_path, *lines)


def _suite(**changes: Any) -> dict[str, Any]:
    def condition(name: str, *regions: str) -> dict[str, Any]:
        rows = [{"region_number": n, "content": text} for n, text in enumerate(regions, 1)]
        return {"condition_name": name, "regions": rows}

    conditions = [condition("a", "The dog's", "", "runs."), condition("b", "The dogs", "", "runs.")]
    return {
        "meta": {"name": "toy", "metric": "sum"},
        "predictions": [{"type": "formula", "formula": "(3;%a%) < (3;%b%)"}],
        "items": [{"item_number": 7, "conditions": conditions}],
    } | changes


OPTIONS = syntaxgym.Config(module="syntaxgym", source="x")


def test_syntaxgym_regions_and_formulas(tmp_path: Path) -> None:
    (tmp_path / "toy.json").write_text(json.dumps(_suite()))
    manifest.write(tmp_path, stage="fetch", inputs={})  # as an artifact has it
    split = syntaxgym.prepare(OPTIONS, tmp_path)["test"]
    assert split.sentences == [["The", "dog's", "runs", "."], ["The", "dogs", "runs", "."]]
    assert split.places == [[0, 2, 2], [0, 2, 2]]
    assert split.keys == [["toy", "7", "a"], ["toy", "7", "b"]]
    assert split.labels == ["toy", "toy"]
    assert syntaxgym.facts(OPTIONS, tmp_path) == {"formulas": {"toy": ["(3;%a%) < (3;%b%)"]}}


def _predicted(text: str) -> str:
    return json.dumps(_suite(predictions=[{"formula": text}]))


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (_predicted("(4;%a%) < (3;%b%)"), r"suite toy, item 7: .*region 4 of a; .*1 to 3"),
        (_predicted("(0;%a%) < (3;%b%)"), r"suite toy, item 7: .*region 0 of a"),
        (_predicted("(3;%a%) < (3;%c%)"), r"suite toy, item 7: .*condition 'c'; .*a, b"),
        (_predicted("(3;%a%) < (3;%b%"), r"toy.json: suite toy: position 13: "),
        (json.dumps(_suite()).replace('"region_number": 3', '"region_number": 5'), "numbered"),
        (json.dumps(_suite(items=[])), "no items"),
        ('{"meta": {},\n "items": [', r"toy.json:2: is no JSON"),
        (json.dumps(_suite(meta={})), "meta.name"),
        (json.dumps(_suite()).replace("The dog's", "").replace("runs.", ""), "no words"),
    ],
)
def test_syntaxgym_refuses(tmp_path: Path, content: str, what: str) -> None:
    (tmp_path / "toy.json").write_text(content)
    with pytest.raises(DataError, match=what):
        syntaxgym.prepare(OPTIONS, tmp_path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not os.environ.get("POLYSEME_MIRROR"):
        pytest.skip("POLYSEME_MIRROR is not set: the real data sets are not here")
    return tmp_path_factory.mktemp("data")


def _public(folder: Path, name: str, **changes: Any) -> Any:
    values = _tasks.values("task", name) | changes
    splits, _ = _tasks.prepared(preparation.configured(name, values), folder)
    return splits["test"]


@pytest.mark.mirror
def test_published_sizes(folder: Path) -> None:
    pairs = _public(folder, "blimp", per_paradigm=20)
    paradigms = Counter(parts[0] for parts in pairs.labels)
    assert len(paradigms) == 67 and set(paradigms.values()) == {20}
    assert len({parts[1] for parts in pairs.labels}) == 13
    agreement = _public(folder, "gulordava")
    assert Counter(kind for _, kind in agreement.labels) == {
        "type: generated": 369, "type: original": 41,
    }  # fmt: skip
    suites = _public(folder, "syntaxgym")
    assert len(set(suites.labels)) == 34
    assert len({tuple(key[:2]) for key in suites.keys}) == 842
