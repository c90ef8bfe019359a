"""A representation that failed a check is named wherever its scores stand."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from fake_tree import EXPERIMENT, SELECTION, Tree
from test_report import _parse, _table, _write

from polyseme import paths, results
from polyseme.reporting.checks import counted, fill, verdict

CAPTION = "Every representation"
CHECKS = 4


def _fail(tree: Tree, name: str, check: str, **found: Any) -> None:
    """Let a representation fail a check on the last task."""
    path = tree.root / paths.results(EXPERIMENT, "invariance", "wiki", name) / "results.parquet"
    rows = results.read(path, schema=results.CHECK_SCHEMA)
    row = [row for row in rows if row["metric"] == check][-1]
    row |= {"checked": False} | found
    results.write(path, rows, schema=results.CHECK_SCHEMA)


def _lines(folder: Path, caption: str) -> dict[str, dict[str, str]]:
    lines = _table((folder / "README.md").read_text(), caption)
    return {next(iter(line.values())): line for line in lines}


def test_where_all_pass_one_word_in_the_caption_says_so(make_tree, tmp_path):
    folder = _write(make_tree(), tmp_path / "report")
    text = (folder / "README.md").read_text()
    assert "score on every task; checks: passed**" in text
    assert "Left out of this answer" not in text
    assert f"3 representations, {CHECKS} checks, on truecase, sst2, " in text
    assert "every check that applies has passed." in text
    lines = _lines(folder, "Checks")
    assert (lines["order"]["Passed"], lines["order"]["Failed"]) == ("12", "0")
    assert (lines["order"]["Largest difference"], lines["order"]["Tolerance"]) == (
        "2e−07",
        "0.0001",
    )
    assert lines["left padding"]["Does not apply"] == "all batches are padded on the right"
    _parse(folder / "index.html")


@pytest.mark.parametrize("name", ["README.md", "index.html"])
def test_a_failed_check_is_named_with_its_number(make_tree, tmp_path, name):
    tree = make_tree()
    _fail(tree, "bert", "padding", value=0.0312, reason="of layer 3")
    text = (_write(tree, tmp_path / "report") / name).read_text()
    assert text.count("failed: padding 0.031") >= 1 + 2 * len(SELECTION.strategies)
    assert "Left out of this answer, for a check that failed: bert (failed: padding 0.031)." in text
    told = "padding on google_analogies; difference 0.031, tolerance 0.0001; of layer 3."
    assert told in text.replace("\\", "")


def test_the_row_of_the_overview_is_marked_and_the_others_are_not(make_tree, tmp_path):
    tree = make_tree()
    _fail(tree, "bert", "padding", value=0.0312)
    _fail(tree, "bert", "order", value=None, reason="IndexError: index out of range")
    folder = _write(tree, tmp_path / "report")
    lines = _lines(folder, CAPTION)
    assert lines["bert"]["Checks"] == "failed: order, padding 0.031"
    assert lines["bert, from scratch"]["Checks"] == lines["bert"]["Checks"]
    assert lines["word2vec"]["Checks"] == "passed"
    assert lines["majority (baseline)"]["Checks"] == "–"
    systems = _lines(folder, "Largest difference of each representation")
    assert systems["bert"]["padding"] == "failed: 0.031"
    assert systems["bert"]["order"] == "failed: 2e−07"  # the largest that was measured elsewhere
    assert systems["word2vec"]["padding"] == "1e−07"


def test_a_representation_beside_another_that_failed_has_failed():
    names = ("bert", "gpt", "word2vec")
    checks: list[dict[str, Any]] = [
        {"stage": "invariance", "corpus": "wiki", "representation": n, "checked": n != "word2vec"}
        for n in names
    ]
    rows: list[dict[str, Any]] = [
        {"stage": "finetune", "corpus": "wiki", "representation": name, "strategy": strategy}
        for strategy in ("frozen", "stack", None)
        for name in (*names, "majority")
    ]
    fill([*checks, *rows], {"stack": "word2vec"})
    assert [row["checked"] for row in rows] == [
        True, True, False, None, False, False, False, False, True, True, False, None,
    ]  # fmt: skip


def test_scores_of_what_failed_do_not_count_in_the_answer(make_tree, tmp_path):
    tree = make_tree()
    before = (_write(tree, tmp_path / "before") / "README.md").read_text()
    assert _table(before, "The best of both families")[0]["Best contextual"].startswith("bert")
    _fail(tree, "bert", "batch_size", value=math.inf)
    after = (_write(tree, tmp_path / "after") / "README.md").read_text()
    assert "The best of both families" not in after
    assert "Left out of this answer" in after
    assert "bert (failed: batch size ∞)" in after
    assert "bert (failed: batch size ∞)" in [
        line["Representation"] for line in _table(after, "truecase: macro F1 and accuracy on test")
    ]


def test_every_row_says_whether_its_representation_passed(make_tree, tmp_path):
    tree = make_tree()
    _fail(tree, "bert", "padding", value=0.5)
    rows = pq.read_table(_write(tree, tmp_path / "report") / "results.parquet").to_pylist()
    found: dict[str, set[bool | None]] = {}
    for row in rows:
        if row["stage"] not in ("invariance", "test"):
            found.setdefault(row["representation"], set()).add(row["checked"])
    assert found["bert"] == {False}
    assert found["word2vec"] == found["random"] == {True}
    assert found["bert_init"] == found["majority"] == {None}
    (kept,) = [row for row in rows if row["stage"] == "invariance" and row["checked"] is False]
    assert (kept["metric"], kept["value"], kept["tolerance"]) == ("padding", 0.5, 1e-4)


def test_without_the_battery_nothing_is_said(make_tree):
    tree = make_tree()
    evidence = tree.collect()
    rows = type(evidence.rows)([r | {"checked": None} for r in evidence.rows.where(stage="probe")])
    assert verdict(rows, "bert") == "–"
    assert len(counted(rows)) == len(rows)
