"""Collecting: only what is selected, all of it, each measurement once."""

from __future__ import annotations

import dataclasses
import shutil

import pytest
from fake_tree import EXPERIMENT, SELECTION

from polyseme import paths, results
from polyseme.errors import DataError
from polyseme.reporting.measurements import VALUES
from polyseme.reporting.selection import select


@pytest.mark.parametrize("stage", ["invariance", "finetune", "probe", "intrinsic", "model"])
def test_a_missing_folder_of_a_selected_item_is_named(make_tree, stage):
    tree = make_tree()
    shutil.rmtree(tree.root / paths.results(EXPERIMENT, stage, "wiki", "bert"))
    with pytest.raises(DataError, match=f"{stage}/wiki/bert: a selected item has no results"):
        tree.collect()


@pytest.mark.parametrize("folder", ["corpus/wiki", "task/sst2", "baseline"])
def test_a_missing_card_or_baseline_is_named(make_tree, folder):
    tree = make_tree()
    shutil.rmtree(tree.root / paths.ARTIFACTS / EXPERIMENT / folder)
    with pytest.raises(DataError, match=folder):
        tree.collect()


def test_a_folder_without_results_is_named(make_tree):
    tree = make_tree()
    (tree.root / paths.results(EXPERIMENT, "probe", "wiki", "bert") / "results.parquet").unlink()
    with pytest.raises(DataError, match=r"probe/wiki/bert/results.parquet: is missing"):
        tree.collect()


def test_items_that_are_no_longer_selected_are_not_read(make_tree):
    tree = make_tree()
    tree.selection = dataclasses.replace(
        SELECTION,
        representations=("word2vec", "bert"),
        tasks=("truecase",),
        strategies=("full",),
        probes=(),
    )
    rows = tree.collect().rows
    assert set(rows.distinct("representation")) == {
        "word2vec",
        "bert",
        "majority",
        "type_majority",
    }
    assert set(rows.distinct("task")) == {"truecase"}
    assert set(rows.distinct("strategy")) == {"full"}
    assert rows.distinct("probe") == []


def test_seconds_come_from_the_run_records(make_tree):
    tree = make_tree()
    tree.record("finetune@wiki-bert", row_seconds={"sst2/full/1000/2": 7.5, "sst2/frozen/all/0": 3})
    rows = tree.collect().rows.where(representation="bert", task="sst2", metric="accuracy")
    cells = rows.where(stage="finetune", split="test").by("strategy", "seed")
    assert cells["full", 2].distinct("seconds") == [7.5]
    assert cells["frozen", 0].distinct("seconds") == [3]
    assert cells["full", 1].distinct("seconds") == []
    pretrained = tree.collect().rows.where(stage="pretrain", representation="bert")
    assert pretrained.distinct("seconds") == [600.0]


def test_without_run_records_seconds_are_null(make_tree):
    tree = make_tree()
    shutil.rmtree(tree.root / paths.ARTIFACTS / EXPERIMENT / "runs")
    assert tree.collect().rows.distinct("seconds") == []


def test_two_rows_that_measure_the_same_are_refused(make_tree):
    tree = make_tree()
    path = tree.root / paths.results(EXPERIMENT, "probe", "wiki", "bert") / "results.parquet"
    rows = results.read(path)
    results.write(path, [*rows, rows[0] | {"value": 0.1}])
    with pytest.raises(DataError, match="two rows measure the same"):
        tree.collect()


def test_rows_come_in_the_order_of_the_selection_whatever_the_order_of_the_files(make_tree):
    tree = make_tree()
    before = tree.collect().rows.rows
    path = tree.root / paths.results(EXPERIMENT, "probe", "wiki", "bert") / "results.parquet"
    results.write(path, reversed(results.read(path)))
    after = tree.collect().rows
    assert after.rows == before
    assert after.where(stage="probe", representation="bert").distinct("layer") == list("01234")
    assert after.where(stage="finetune").distinct("representation") == list(
        SELECTION.representations
    )


def test_layers_are_ordered_as_numbers(make_tree):
    tree = make_tree()
    path = tree.root / paths.results(EXPERIMENT, "probe", "wiki", "random") / "results.parquet"
    rows = results.read(path)
    results.write(path, [row | {"layer": n} for n in ("10", "mix", "9") for row in rows])
    found = tree.collect().rows.where(stage="probe", representation="random")
    assert found.distinct("layer") == ["9", "10", "mix"]


def test_several_corpora_are_told_apart_by_name(make_tree):
    selection = dataclasses.replace(SELECTION, corpora=("wiki", "news"))
    systems = make_tree(selection).collect().systems()
    assert systems[:3] == ["random@wiki", "word2vec@wiki", "bert@wiki"]
    assert "bert_init@news" in systems


def test_a_damaged_history_is_named(make_tree):
    tree = make_tree()
    path = tree.root / paths.model(EXPERIMENT, "wiki", "bert") / "history.csv"
    path.write_text("step,loss\n1,abc\n")
    with pytest.raises(DataError, match=r"history.csv"):
        tree.collect()


def test_every_column_either_identifies_or_is_measured():
    assert set(VALUES) <= set(results.SCHEMA.names)


def test_the_selection_is_made_of_names():
    params = {"corpora": ["wiki"], "representations": ["bert"], "tasks": ["upos"], "stacked": []}
    groups = {
        "strategy": {"full": {"epochs": 3}},
        "probe": {"linear": {}},
        "baseline": {},
        "intrinsic": {},
    }
    selection = select(params | groups)
    assert selection.strategies == ("full",)
    assert selection.baselines == ()
