"""The table of all representations: one row each, their cost, and scores that equal the rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_tree import CONTEXTUAL, EXPERIMENT, MANY, SELECTION, STATIC, Tree
from test_report import _parse, _table, _write

from polyseme import paths, results
from polyseme.reporting import numbers
from polyseme.reporting.measures import measures

CAPTION = "Every representation"
TITLE = "All representations, with their cost"


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    selection = dataclasses.replace(MANY, tasks=SELECTION.tasks)
    return _write(Tree(folder / "project", selection).write(), folder / "report")


def _lines(folder: Path) -> dict[str, dict[str, str]]:
    lines = _table((folder / "README.md").read_text(), CAPTION)
    return {line["Representation"].replace("\\", ""): line for line in lines}


def _bold(folder: Path, column: str) -> list[str]:
    """Representations whose cell is bold in Markdown."""
    text = (folder / "README.md").read_text()
    rows = text[text.index(f"**{CAPTION}") :].split("\n\n")[1].splitlines()
    place = [cell.strip() for cell in rows[0].split("|")].index(column)
    cells = [[cell.strip() for cell in row.split("|")] for row in rows[2:]]
    return [row[1].replace("\\", "") for row in cells if row[place].startswith("**")]


def _change(tree: Tree, stage: tuple[str, ...], change: Callable[[dict[str, Any]], Any]) -> None:
    path = tree.root / paths.results(EXPERIMENT, *stage) / "results.parquet"
    results.write(path, [row | (change(row) or {}) for row in results.read(path)])


def test_it_stands_after_the_answer_and_has_one_row_for_everything(report):
    text = (report / "README.md").read_text()
    headings = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    assert headings[:2] == ["Answer", TITLE]
    assert list(_lines(report)) == [
        *STATIC,
        *CONTEXTUAL,
        *(f"{name}, from scratch" for name in CONTEXTUAL),
        "majority (baseline)",
        "type majority (baseline)",
    ]


def test_static_ones_come_first_whatever_the_order_of_the_experiment(make_tree, tmp_path):
    names = ("bert", "glove", "elmo", "random")
    tree = make_tree(dataclasses.replace(SELECTION, representations=names))
    found = list(_lines(_write(tree, tmp_path / "report")))
    assert found[:4] == ["glove", "random", "bert", "elmo"]


def test_costs_are_those_of_cards_and_run_records(make_tree, tmp_path):
    tree = make_tree()
    tree.record_making("bert", seconds=90.0, costs={"num_bytes": 5 * 2**20})
    tree.record("finetune@wiki-bert", row_seconds={"sst2/full/1000/0": 8, "truecase/full/all/1": 4})
    lines = _lines(_write(tree, tmp_path / "report"))
    bert, scratch = lines["bert"], lines["bert, from scratch"]
    shown = ("Family", "Words seen", "Pre-training", "Parameters", "Size", "Fine-tuning (full)")
    assert [bert[column] for column in shown[:4]] == [
        "contextual",
        "2,000,000",
        "1.5 min",
        "3,000,000",
    ]
    assert [bert[column] for column in shown[4:]] == ["5.0 MiB", "6.0 s"]
    assert [scratch[column] for column in shown[1:]] == ["0", "none", "3,000,000", "5.0 MiB", "–"]
    assert {lines["majority (baseline)"][column] for column in shown} == {numbers.MISSING}


def test_a_score_is_the_mean_with_the_strategy_that_validation_chooses(make_tree, tmp_path):
    tree = make_tree()

    def other_strategy(row: dict[str, Any]) -> dict[str, Any] | None:
        if row["task"] == "sst2" and row["strategy"] == "frozen" and row["split"] == "valid":
            return {"value": 0.99}
        return None

    _change(tree, ("finetune", "wiki", "bert"), other_strategy)
    folder = _write(tree, tmp_path / "report")
    values = [
        row["value"]
        for row in results.read(folder / "results.parquet")
        if (row["task"], row["strategy"], row["representation"]) == ("sst2", "frozen", "bert")
        and (row["metric"], row["split"], row["stage"]) == ("macro_f1", "test", "finetune")
    ]
    line = _lines(folder)["bert"]
    mean = numbers.value("macro_f1", sum(values) / len(values))
    assert line["sst2: macro F1"] == f"{mean} frozen"
    assert line["truecase: macro F1"].endswith(" full")


def test_without_validation_rows_the_final_ones_choose(make_tree):
    tree = make_tree()
    for name in SELECTION.representations:
        path = tree.root / paths.results(EXPERIMENT, "finetune", "wiki", name) / "results.parquet"
        results.write(path, [row for row in results.read(path) if row["split"] == "test"])
    (first, *_) = measures(tree.collect())
    assert {score.mark for score in first.pretrained.values()} == {"full"}


def test_the_best_of_a_column_is_bold_also_where_it_is_a_baseline(report, make_tree, tmp_path):
    assert _bold(report, "sst2: macro F1") == ["gpt_bert"]
    tree = make_tree()
    _change(tree, ("baseline",), lambda row: {"value": 0.99} if row["task"] == "sst2" else None)
    folder = _write(tree, tmp_path / "report")
    assert _bold(folder, "sst2: macro F1") == ["majority (baseline)", "type majority (baseline)"]
    assert _bold(folder, "truecase: macro F1") == ["bert"]


def test_an_intrinsic_measure_is_that_of_its_best_layer_with_unknown_words_as_wrong(report):
    lines = _lines(report)
    column = "wordsim353: Spearman correlation"
    assert lines["bert"][column] == "0.340 layer 4"  # skip alone would give 0.280
    assert lines["glove"][column] == "0.300"
    assert lines["bert, from scratch"][column] == numbers.MISSING
    assert not any("coverage" in column for column in lines["bert"])


def test_lower_is_better_where_bits_are_counted(make_tree):
    tree = make_tree(dataclasses.replace(SELECTION, tasks=("truecase", "wordsim353")))
    bits = {"metric": "bits_per_gap", "strategy": None, "num_items": 9}
    for name, value in {"random": 4.0, "word2vec": 3.0, "bert": 2.0}.items():
        path = tree.root / paths.results(EXPERIMENT, "intrinsic", "wiki", name) / "results.parquet"
        rows = [r for r in results.read(path) if r["metric"] == "coverage"]
        results.write(path, [r | bits | {"value": value + int(r["layer"])} for r in rows])
    measure = measures(tree.collect())[-1]
    assert (measure.best, measure.pretrained["bert"].mark) == (2.0, "layer 0")


def test_what_was_trained_elsewhere_has_no_time(make_tree, tmp_path):
    tree = make_tree()
    (tree.root / paths.run_record(EXPERIMENT, "pretrain@wiki-bert")).unlink()
    tree.record("external@wiki-bert", seconds=77.0, costs={"num_bytes": 2**30})
    folder = _write(tree, tmp_path / "report")
    line = _lines(folder)["bert"]
    assert (line["Pre-training"], line["Size"]) == ("elsewhere", "1.0 GiB")
    made = {
        r["seconds"] for r in results.read(folder / "results.parquet") if r["stage"] == "pretrain"
    }
    assert made == {None}
    page = (folder / "index.html").read_text()
    assert '<td class="number" data-sort="">elsewhere</td>' in page
    assert "has a price that is not known here" in page
    (time,) = [
        row["Time"]
        for row in _table((folder / "README.md").read_text(), "Contextual representations")
    ]
    assert time == "elsewhere"


def test_without_run_records_costs_are_missing(make_tree, tmp_path):
    tree = make_tree()
    for path in (tree.root / paths.ARTIFACTS / EXPERIMENT / "runs").iterdir():
        path.unlink()
    line = _lines(_write(tree, tmp_path / "report"))["bert"]
    assert line["Words seen"] == "2,000,000"
    assert not {"Pre-training", "Size", "Fine-tuning (full)"} & {
        name for name, text in line.items() if text not in (numbers.MISSING, "none")
    }


def test_the_page_has_the_table_in_a_container_that_scrolls(report):
    _parse(report / "index.html")
    page = (report / "index.html").read_text()
    table = page[page.index('<section id="overview"') : page.index('id="overview-table-1"')]
    assert '<div class="scroll" role="region" aria-labelledby="overview-table-1"' in table
    assert "#overview th:first-child { position: sticky;" in page


def test_bytes_stand_in_every_row_of_a_representation_and_in_the_dictionary(report):
    import pyarrow.parquet as pq

    rows = pq.read_table(report / "results.parquet").to_pylist()
    found = {r["representation"]: r["num_bytes"] for r in rows if r["stage"] != "test"}
    assert found["bert"] == found["bert_init"] == found["glove"] == 12_000_000
    assert found["majority"] is None
    assert "num_bytes" not in results.read(report / "results.parquet")[0]
    assert "| num\\_bytes | int64 |" in (report / "dictionary.md").read_text()
