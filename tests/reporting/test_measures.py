"""Probes, cards, intrinsic measures and textbook findings: each value once, the right one."""

from __future__ import annotations

import csv
import json
import re
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_measures import FAMILIES, RICH, write
from fake_tree import EXPERIMENT, MANY, SELECTION, Tree
from test_report import _files, _parse, _table, _write

from polyseme import paths, results
from polyseme.reporting import cards, findings, probing
from polyseme.reporting.collect import Evidence
from polyseme.reporting.figures import card as card_figure
from polyseme.reporting.measurements import Measurements
from polyseme.reporting.measures import measures


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("rich")
    tree = write(Tree(folder / "project", RICH).write())
    return _write(tree, folder / "report")


@pytest.fixture(scope="module")
def evidence(tmp_path_factory) -> Evidence:
    return write(Tree(tmp_path_factory.mktemp("evidence") / "project", RICH).write()).collect()


def _lines(folder: Path, caption: str) -> list[dict[str, str]]:
    return _table((folder / "README.md").read_text().replace("\\", ""), caption)


def test_the_same_rows_give_the_same_bytes(report, tmp_path):
    tree = write(Tree(tmp_path / "project", RICH).write())
    assert _files(_write(tree, tmp_path / "again")) == _files(report)


def test_the_pages_are_well_formed_and_every_reference_resolves(report):
    for name in ("index.html", "cards.html"):
        page = _parse(report / name)
        ids = [value for _, key, value in page.attributes if key == "id"]
        assert len(ids) == len(set(ids))
        for _, key, value in page.attributes:
            if key in ("href", "src") and not value.startswith("#"):
                file, _, _ = value.partition("#")
                assert (report / file).is_file(), value
            elif key in {"href", "aria-labelledby"}:
                assert set(value.removeprefix("#").split()) & set(ids), value


def test_the_cards_are_linked_and_each_file_is_shown_once(report):
    page = (report / "cards.html").read_text()
    shown = re.findall(r'src="cards/([^"]+)"', page)
    files = [path.name for path in (report / "cards").iterdir()]
    assert sorted(shown) == sorted(files) == sorted(set(shown))
    tasks = {"cpos", "senses", "trees", "structure", "edges"}
    assert set(files) == {f"{name}-{task}.svg" for name in RICH.representations for task in tasks}
    assert page.count('loading="lazy"') == len(files)
    assert 'href="cards.html"' in (report / "index.html").read_text()
    assert "(cards.html)" in (report / "README.md").read_text()
    assert "<script" not in page and "https://" not in page
    for name in files:
        assert f'href="#{name.removesuffix(".svg")}"' in page


def test_cards_are_small_svg_in_both_palettes(report):
    for path in (report / "cards").iterdir():
        text = path.read_text()
        ET.fromstring(text)
        assert len(text) < 40_000
        assert "prefers-color-scheme:dark" in text
        assert not re.search(r"nan|inf\b", text)


def test_a_card_has_what_the_probes_of_its_task_found(evidence):
    made = {card.name: card for card in cards.cards(evidence)}
    tags = {panel.title: panel for panel in made["bert-cpos"].panels}
    assert list(tags) == ["linear: accuracy", "mlp: accuracy", "mdl: compression", "selectivity"]
    linear = [line.label for line in tags["linear: accuracy"].lines]
    assert linear == ["no limit", "limit 4", "random weights", "control"]
    assert {level.label for level in tags["linear: accuracy"].levels} == {
        "majority",
        "type majority",
    }
    assert [line.label for line in tags["mlp: accuracy"].lines][:2] == ["limit 64", "limit 8"]
    (mean,) = [p for p in tags["linear: accuracy"].lines[0].points if p[0] == 3.0]
    values = evidence.rows.where(
        stage="probe", task="cpos", probe="linear", rank=None, layer="3", system="bert"
    )
    values = values.where(metric="accuracy", control=False).values()
    assert mean == (3.0, sum(values) / 3, min(values), max(values))
    tree = made["bert-structure"].panels
    assert [line.label for line in tree[0].lines] == ["limit 32", "limit 4", "random weights"]
    assert [(level.label, level.value) for level in tree[0].levels] == [("linear chain", 0.41)]
    (edge,) = made["bert-edges"].panels
    assert {(level.label, level.value) for level in edge.levels if level.upright} == {
        ("centre of gravity", 2.25),
        ("expected layer", 3.5),
    }
    assert not any(line.hollow for panel in made["random-cpos"].panels for line in panel.lines)


def test_more_than_a_hundred_cards_take_seconds(tmp_path):
    selection = replace(RICH, representations=MANY.representations)
    found = cards.cards(write(Tree(tmp_path / "project", selection).write()).collect())
    assert len(found) == 12 * 5
    start = time.process_time()
    for card in found:
        card_figure.draw(card)
    assert (time.process_time() - start) / len(found) < 0.15


@pytest.mark.parametrize(("name", "expected"), [("bert", "bert"), ("a/b <c>", "a~2fb~20~3cc~3e")])
def test_names_of_cards_are_safe(name, expected):
    assert cards.safe(name) == expected


def test_the_main_rank_is_the_full_one_else_the_largest(evidence):
    found = {(each.task, each.probe): each for each in probing.probings(evidence)}
    assert found["cpos", "linear"].by_layer.distinct("rank") == []
    assert found["cpos", "mlp"].by_layer.distinct("rank") == [64]
    assert found["structure", "structural"].by_layer.distinct("rank") == [32]
    kinds = {probe: each.kind for (_, probe), each in found.items()}
    assert kinds == {
        "linear": "classifier",
        "mlp": "classifier",
        "mdl": "code",
        "structural": "tree",
        "edge": "edge",
    }
    assert {each.task: each.probe for each in probing.firsts([*found.values()])} == {
        "cpos": "linear",
        "senses": "linear",
        "trees": "linear",
        "structure": "structural",
        "edges": "edge",
    }


def test_one_table_holds_all_classifiers_of_a_task(report):
    lines = _lines(report, "cpos, linear and mlp probes: by layer")
    assert len(lines) == 4 * (2 + 2 * 10) + 2
    ranks = {(line["Probe"], line["Rank or width"]) for line in lines}
    assert ranks == {("linear", "full"), ("linear", "4"), ("mlp", "8"), ("mlp", "64"), ("–", "–")}
    assert [line["Representation"] for line in lines[-2:]] == [
        "majority (baseline)",
        "type majority (baseline)",
    ]


def test_long_tables_are_on_the_page_alone(tmp_path):
    selection = replace(RICH, representations=MANY.representations, tasks=("cpos",))
    full = replace(RICH, representations=MANY.representations)
    tree = write(Tree(tmp_path / "project", full).write())
    tree.selection = selection
    folder = _write(tree, tmp_path / "report")
    text = (folder / "README.md").read_text()
    caption = "cpos, linear and mlp probes: by layer"
    told = text[text.index(caption) :].splitlines()[2]
    assert told == "258 rows, in [index.html](index.html)."
    page = (folder / "index.html").read_text()
    table = page[page.index(caption) :]
    assert table[: table.index("</table>")].count("<tr>") == 1 + 258
    assert "</details>" in table[table.index("</table>") :].split("</div>")[1][:20]


def test_codes_trees_and_edges_have_tables_of_their_own(report):
    code = _lines(report, "cpos, mdl probe: cost")[0]
    assert (code["Compression"], code["Control compression"]) == ("2.000 ± 0.000", "1.200 ± 0.000")
    assert code["Kilobits"] == "45.0 ± 0.0"
    tree = _lines(report, "structure, structural probe: by layer")
    assert tree[-1]["Representation"] == "linear chain (baseline)"
    assert tree[-1]["UUAS"] == "0.410"
    assert sum(line["UUAS"] == "0.410" for line in tree) == 1
    edge = {
        line["Representation"]: line for line in _lines(report, "edges, edge probe: accuracy by")
    }
    assert edge["bert"]["Layers 0 to 4"].startswith("0.621")
    assert edge["bert"]["Centre of gravity"] == "2.250 ± 0.000"
    assert edge["random"]["Expected layer"] == "–"


def test_metrics_for_dvc_hold_the_main_rank_only(report):
    content = json.loads((report / "metrics/probe.json").read_text())
    assert set(content["cpos"]) == {"linear"}
    rows = [
        row["value"]
        for row in results.read(report / "results.parquet")
        if (row["task"], row["probe"], row["rank"]) == ("cpos", "linear", None)
        and (row["representation"], row["layer"], row["metric"]) == ("bert", "4", "accuracy")
        and not row["control"]
    ]
    assert content["cpos"]["linear"]["bert"]["accuracy"] == round(sum(rows) / len(rows), 4)
    assert content["structure"]["structural"]["bert"] == {"uuas": 0.572}
    lines = list(csv.DictReader((report / "metrics/layers.csv").open()))
    keys = [(line["representation"], line["task"], line["layer"]) for line in lines]
    assert len(keys) == len(set(keys))
    assert {line["probe"] for line in lines} == {"linear"}
    intrinsic = json.loads((report / "metrics/intrinsic.json").read_text())
    assert intrinsic["google_analogies"]["bert"]["zero"] == {"accuracy": 0.2}
    assert "threshold" not in intrinsic["wic"]["bert"]


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


def test_pairs_that_all_know_become_rows_of_the_report(report):
    rows = [r for r in results.read(report / "results.parquet") if r["strategy"] == "shared"]
    assert {row["num_items"] for row in rows} == {20}
    assert len(rows) == 1 + 1 + 5 + 5
    assert {(row["stage"], row["task"], row["metric"]) for row in rows} == {
        ("intrinsic", "simlex999", "spearman")
    }
    (bert,) = [r for r in rows if (r["representation"], r["layer"]) == ("bert", "4")]
    assert bert["low"] <= bert["value"] <= bert["high"]
    assert (bert["family"], bert["num_parameters"]) == ("contextual", 3_000_000)
    lines = _lines(report, "simlex999: every way")
    line = next(each for each in lines if each["Shared"] != "–")
    assert (line["Representation"], line["Items (shared)"]) == ("random", "20")


def test_policies_stand_side_by_side_with_intervals(report):
    lines = {line["Representation"]: line for line in _lines(report, "Word similarity")}
    assert lines["bert"]["Best way and layer"] == "mean, layer 4"
    assert lines["bert"]["Zero"] == "0.380 (0.280 to 0.480)"
    assert lines["bert"]["Skip"].startswith("0.430")
    assert lines["bert"]["Backoff"].startswith("0.400")
    assert lines["word2vec"]["Shared"] != "–"


def test_every_kind_of_measure_has_its_table(report):
    distilled = {line["Representation"]: line for line in _lines(report, "Spearman correlation un")}
    assert distilled["bert"] == {
        "Representation": "bert",
        "Alone": "0.280 layer 4",
        "Mean of occurrences": "0.440 layer 4",
        "First component of occurrences": "0.440 layer 4",
        "Best static": "0.500",
        "Which": "word2vec",
    }
    rules = _lines(report, "Accuracy by rule")
    assert {(line["Representation"], line["Rule"], line["Zero"]) for line in rules} >= {
        ("gpt", "3CosMul", "0.250"),
        ("random", "LRCos", "0.300"),
    }
    assert [line["Relation"] for line in _lines(report, "google_analogies: accuracy by")] == [
        "capitals"
    ]
    words = _lines(report, "Outliers and categories")
    assert {line["Measure"] for line in words} == {"outlier position", "purity"}
    pairs = _lines(report, "agreement: accuracy; items")[0]
    assert (pairs["All"], pairs["binding"]) == ("0.600", "0.700")
    assert [line["Part"] for line in _lines(report, "agreement: accuracy by part")] == ["anaphor"]
    assert len(_lines(report, "syntaxgym: accuracy by part")) == 2
    language = {line["Representation"]: line for line in _lines(report, "Held-out text")}
    assert language["gpt"]["bits per byte"] == language["bert"]["pseudo bits per byte"] == "1.500"
    assert language["gpt"]["pseudo bits per byte"] == "–"
    senses = _lines(report, "senses: in the best layer")
    assert senses[-1]["Representation"] == "most frequent (baseline)"
    assert senses[-1]["Accuracy"] == "0.770"
    assert _lines(report, "wic: cosine above a threshold")[0]["Threshold"] == "2.000"
    context = [x for x in _lines(report, "Contextuality by") if x["Representation"] == "gpt"][-1]
    assert (context["Anisotropy"], context["Self-similarity, corrected"]) == ("0.500", "0.250")
    assert (report / "figures/contextuality.svg").exists()


def _verdicts(evidence: Evidence, change: Callable[[dict[str, Any]], dict[str, Any]]) -> list[str]:
    """Verdicts on rows of which some are changed."""
    rows = Measurements([row | change(row) for row in evidence.rows])
    return [each.verdict for each in findings.findings(replace(evidence, rows=rows))]


def _swap(column: str, one: str, other: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    names = {one: other, other: one}
    return lambda row: {column: names.get(row[column], row[column])}


def _negate(metric: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda row: {"value": -row["value"]} if row["metric"] == metric else {}


YES, NO, UNTOLD = findings.YES, findings.NO, findings.UNTOLD


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda row: {}, [YES, YES, YES, YES, YES]),
        (_swap("probe", "linear", "mlp"), [NO, YES, YES, YES, YES]),
        (_swap("task", "cpos", "trees"), [YES, NO, NO, YES, YES]),
        (_negate("anisotropy"), [YES, YES, YES, NO, YES]),
        (_negate("spearman"), [YES, YES, YES, YES, NO]),
    ],
)
def test_verdicts_follow_the_numbers(evidence, change, expected):
    if expected[1] is NO:  # tags and relations exchanged, without the senses
        own = Measurements([r for r in evidence.rows if r["task"] != "senses"])
        evidence = replace(evidence, rows=own)
    found = _verdicts(evidence, change)
    assert found == expected


def test_overlapping_seeds_cannot_be_told_apart(evidence):
    def blur(row: dict[str, Any]) -> dict[str, Any]:
        is_low = row["metric"] == "selectivity" and row["seed"] == 0 and row["probe"] == "linear"
        return {"value": -1.0} if is_low else {}

    assert _verdicts(evidence, blur)[0] == UNTOLD


def test_one_seed_tells_nothing(evidence):
    own = Measurements([row for row in evidence.rows if row["seed"] in (None, 0)])
    found = [each.verdict for each in findings.findings(replace(evidence, rows=own))]
    assert found == [UNTOLD, UNTOLD, UNTOLD, YES, YES]


def test_the_numbers_of_findings_are_those_of_the_rows(report):
    lines = {line["Finding"]: line for line in _lines(report, "What is known")}
    assert list(lines) == [
        "selectivity",
        "random weights",
        "order of layers",
        "anisotropy",
        "word similarity",
    ]
    assert "in 2 of 2 representations" in lines["anisotropy"]["Here"]
    assert "from 0.100 in the first layer to 0.500 in the last" in lines["anisotropy"]["Here"]
    assert "1.000 (seeds 1.000 to 1.000) for parts of speech" in lines["order of layers"]["Here"]
    assert "centre of gravity of edges 2.250" in lines["order of layers"]["Here"]
    assert "in 1 of 1 tasks (mean difference +0.220)" in lines["word similarity"]["Here"]


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


def test_linear_probes_alone_have_no_figure_of_trees_or_codes(make_tree, tmp_path):
    folder = _write(make_tree(SELECTION), tmp_path / "report")
    assert not (folder / "figures/trees.svg").exists()
    assert not (folder / "figures/compression.svg").exists()
    assert "Textbook findings" not in (folder / "README.md").read_text()


def test_figures_of_trees_and_codes_are_of_the_main_rank(report):
    trees = (report / "figures/trees.svg").read_text()
    assert {trees.count(f">{name}<") for name in RICH.representations} == {1}
    assert ">linear chain<" in trees
    assert (report / "figures/compression.svg").read_text().count(">compression<") == 3
    layers = (report / "figures/layers.svg").read_text()
    assert ">cpos, linear<" in layers
    assert ", mlp<" not in layers and "structure" not in layers


def test_kept_cosines_are_not_read_where_similarity_is_not_selected(tmp_path):
    tree = write(Tree(tmp_path / "project", RICH).write())
    tree.selection = replace(RICH, intrinsic=())
    assert "shared" not in tree.collect().rows.distinct("strategy")
    folder = tree.root / paths.results(EXPERIMENT, "intrinsic", "wiki", "bert")
    (folder / paths.items_of("similarity", "simlex999")).unlink()
    tree.selection = RICH
    shared = tree.collect().rows.where(strategy="shared")
    assert "bert" not in shared.distinct("system")
