"""Intrinsic measures and parts of an experiment: each value once, the right one."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from fake_measures import FAMILIES, RICH, lines_of, write
from fake_tree import EXPERIMENT, Tree
from test_report import _files, _parse, _write

from polyseme import paths, results
from polyseme.reporting.measures import measures


def test_the_same_rows_give_the_same_bytes(rich, tmp_path):
    tree = write(Tree(tmp_path / "project", RICH).write())
    assert _files(_write(tree, tmp_path / "again")) == _files(rich)


def test_the_pages_are_well_formed_and_every_reference_resolves(rich):
    for name in ("index.html", "cards.html"):
        page = _parse(rich / name)
        ids = [value for _, key, value in page.attributes if key == "id"]
        assert len(ids) == len(set(ids))
        for _, key, value in page.attributes:
            if key in ("href", "src") and not value.startswith("#"):
                file, _, _ = value.partition("#")
                assert (rich / file).is_file(), value
            elif key in {"href", "aria-labelledby"}:
                assert set(value.removeprefix("#").split()) & set(ids), value


def test_the_headline_is_one_way_and_layer_and_no_part(evidence):
    found = {(measure.task, measure.metric): measure for measure in measures(evidence)}
    simlex = found["simlex999", "spearman"].pretrained
    assert (simlex["bert"].value, simlex["bert"].mark) == (pytest.approx(0.38), "mean, layer 4")
    assert (simlex["word2vec"].value, simlex["word2vec"].mark) == (0.5, "")
    analogies = found["google_analogies", "accuracy"].pretrained
    assert (analogies["bert"].value, analogies["bert"].mark) == (0.3, "LRCos/alone, layer 0")
    assert found["agreement", "accuracy"].pretrained["bert"].value == 0.6
    assert found["syntaxgym", "accuracy"].pretrained["bert"].value == 0.4
    senses = found["senses", "accuracy"]
    assert senses.pretrained["bert"].value == pytest.approx(0.58)
    assert senses.baselines["most_frequent"].value == 0.77
    assert {metric for _, metric in found}.isdisjoint({"threshold", "coverage", "answered"})


def test_pairs_that_all_know_become_rows_of_the_report(rich):
    rows = [r for r in results.read(rich / "results.parquet") if r["strategy"] == "shared"]
    assert {row["num_items"] for row in rows} == {20}
    assert len(rows) == 1 + 1 + 5 + 5
    assert {(row["stage"], row["task"], row["metric"]) for row in rows} == {
        ("intrinsic", "simlex999", "spearman")
    }
    (bert,) = [r for r in rows if (r["representation"], r["layer"]) == ("bert", "4")]
    assert bert["low"] <= bert["value"] <= bert["high"]
    assert (bert["family"], bert["num_parameters"]) == ("contextual", 3_000_000)
    lines = lines_of(rich, "simlex999: every way")
    line = next(each for each in lines if each["Shared"] != "–")
    assert (line["Representation"], line["Items (shared)"]) == ("random", "20")


def test_policies_stand_side_by_side_with_intervals(rich):
    lines = {line["Representation"]: line for line in lines_of(rich, "Word similarity")}
    assert lines["bert"]["Best way and layer"] == "mean, layer 4"
    assert lines["bert"]["Zero"] == "0.380 (0.280 to 0.480)"
    assert lines["bert"]["Skip"].startswith("0.430")
    assert lines["bert"]["Backoff"].startswith("0.400")
    assert lines["word2vec"]["Shared"] != "–"


def test_every_kind_of_measure_has_its_table(rich):
    distilled = {line["Representation"]: line for line in lines_of(rich, "Spearman correlation un")}
    assert distilled["bert"] == {
        "Representation": "bert",
        "Alone": "0.280 layer 4",
        "Mean of occurrences": "0.440 layer 4",
        "First component of occurrences": "0.440 layer 4",
        "Best static": "0.500",
        "Which": "word2vec",
    }
    rules = lines_of(rich, "Accuracy by rule")
    assert {(line["Representation"], line["Rule"], line["Zero"]) for line in rules} >= {
        ("gpt", "3CosMul", "0.250"),
        ("random", "LRCos", "0.300"),
    }
    assert [line["Relation"] for line in lines_of(rich, "google_analogies: accuracy by")] == [
        "capitals"
    ]
    words = lines_of(rich, "Outliers and categories")
    assert {line["Measure"] for line in words} == {"outlier position", "purity"}
    pairs = lines_of(rich, "agreement: accuracy; items")[0]
    assert (pairs["All"], pairs["binding"]) == ("0.600", "0.700")
    assert [line["Part"] for line in lines_of(rich, "agreement: accuracy by part")] == ["anaphor"]
    assert len(lines_of(rich, "syntaxgym: accuracy by part")) == 2
    language = {line["Representation"]: line for line in lines_of(rich, "Held-out text")}
    assert language["gpt"]["bits per byte"] == language["bert"]["pseudo bits per byte"] == "1.500"
    assert language["gpt"]["pseudo bits per byte"] == "–"
    senses = lines_of(rich, "senses: in the best layer")
    assert senses[-1]["Representation"] == "most frequent (baseline)"
    assert senses[-1]["Accuracy"] == "0.770"
    assert lines_of(rich, "wic: cosine above a threshold")[0]["Threshold"] == "2.000"
    context = [x for x in lines_of(rich, "Contextuality by") if x["Representation"] == "gpt"][-1]
    assert (context["Anisotropy"], context["Self-similarity, corrected"]) == ("0.500", "0.250")
    assert (rich / "figures/contextuality.svg").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"representations": ("random", "word2vec")},
        {"representations": ("bert",)},
        {"tasks": ("cpos",)},
        {"tasks": ("structure",)},
        {"tasks": tuple(FAMILIES)[:3]},
        {"intrinsic": ("similarity",)},
    ],
)
def test_parts_of_an_experiment_make_a_report(tmp_path, change):
    selection = replace(RICH, **change)
    full = replace(RICH, representations=selection.representations)
    tree = write(Tree(tmp_path / "project", full).write())
    tree.selection = selection
    folder = _write(tree, tmp_path / "report")
    _parse(folder / "index.html")


def test_kept_cosines_are_not_read_where_similarity_is_not_selected(tmp_path):
    tree = write(Tree(tmp_path / "project", RICH).write())
    tree.selection = replace(RICH, intrinsic=())
    assert "shared" not in tree.collect().rows.distinct("strategy")
    folder = tree.root / paths.results(EXPERIMENT, "intrinsic", "wiki", "bert")
    (folder / paths.items_of("similarity", "simlex999")).unlink()
    tree.selection = RICH
    shared = tree.collect().rows.where(strategy="shared")
    assert "bert" not in shared.distinct("system")


def test_metrics_for_dvc_hold_whole_tasks_and_one_way(rich):
    content = json.loads((rich / "metrics/intrinsic.json").read_text())
    assert content["agreement"]["bert"] == {"accuracy": 0.6}
    assert content["simlex999"]["bert"]["zero"] == {"spearman": 0.28}
    assert content["contextuality"]["bert"]["anisotropy"] == 0.5
