"""Probes of all kinds: tables, figures and metrics of the main rank."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

from fake_measures import RICH, lines_of, write
from fake_tree import MANY, SELECTION, Tree
from test_report import _write

from polyseme import results
from polyseme.reporting import probing


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


def test_one_table_holds_all_classifiers_of_a_task(rich):
    lines = lines_of(rich, "cpos, linear and mlp probes: by layer")
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


def test_the_best_layer_of_each_stands_with_what_the_control_task_leaves(rich):
    best = lines_of(rich, "cpos: the best layer of each")
    full = lines_of(rich, "cpos, linear and mlp probes: by layer")
    assert len(best) == len({(line["Probe"], line["Representation"]) for line in best})
    measured = next(name for name in best[0] if name.lower().startswith("accuracy"))
    for line in best:
        names = ("Probe", "Representation")
        ranks = {"linear": "full", "mlp": "64"}
        own = [row for row in full if all(row[n] == line[n] for n in names)
               and row["Rank or width"] == ranks[line["Probe"]]]  # fmt: skip
        top = max(own, key=lambda row: float(row[measured].split()[0]))
        assert line[measured] == top[measured]
        assert line["Selectivity"] in {row["Selectivity"] for row in own
                                       if row["Layer"] == line["Best layer"]}  # fmt: skip


def test_codes_trees_and_edges_have_tables_of_their_own(rich):
    code = lines_of(rich, "cpos, mdl probe: cost")[0]
    assert (code["Compression"], code["Control compression"]) == ("2.000 ± 0.000", "1.200 ± 0.000")
    assert code["Kilobits"] == "45.00 ± 0.00"
    tree = lines_of(rich, "structure, structural probe: by layer")
    assert tree[-1]["Representation"] == "linear chain (baseline)"
    assert tree[-1]["UUAS"] == "0.410"
    assert sum(line["UUAS"] == "0.410" for line in tree) == 1
    edge = {
        line["Representation"]: line for line in lines_of(rich, "edges, edge probe: accuracy by")
    }
    assert edge["bert"]["Layers 0 to 4"].startswith("0.621")
    assert edge["bert"]["Centre of gravity"] == "2.250 ± 0.000"
    assert edge["random"]["Expected layer"] == "–"


def test_metrics_for_dvc_hold_the_main_rank_only(rich):
    content = json.loads((rich / "metrics/probe.json").read_text())
    assert set(content["cpos"]) == {"linear"}
    rows = [
        row["value"]
        for row in results.read(rich / "results.parquet")
        if (row["task"], row["probe"], row["rank"]) == ("cpos", "linear", None)
        and (row["representation"], row["layer"], row["metric"]) == ("bert", "4", "accuracy")
        and not row["control"]
    ]
    assert content["cpos"]["linear"]["bert"]["accuracy"] == round(sum(rows) / len(rows), 4)
    assert content["structure"]["structural"]["bert"] == {"uuas": 0.572}
    lines = list(csv.DictReader((rich / "metrics/layers.csv").open()))
    keys = [(line["representation"], line["task"], line["layer"]) for line in lines]
    assert len(keys) == len(set(keys))
    assert {line["probe"] for line in lines} == {"linear"}
    intrinsic = json.loads((rich / "metrics/intrinsic.json").read_text())
    assert intrinsic["google_analogies"]["bert"]["zero"] == {"accuracy": 0.2}
    assert "threshold" not in intrinsic["wic"]["bert"]


def test_linear_probes_alone_have_no_figure_of_trees_or_codes(make_tree, tmp_path):
    folder = _write(make_tree(SELECTION), tmp_path / "report")
    assert not (folder / "figures/trees.svg").exists()
    assert not (folder / "figures/compression.svg").exists()
    assert "Textbook findings" not in (folder / "README.md").read_text()


def test_figures_of_trees_and_codes_are_of_the_main_rank(rich):
    trees = (rich / "figures/trees.svg").read_text()
    assert {trees.count(f">{name}<") for name in RICH.representations} == {1}
    assert ">linear chain<" in trees
    assert (rich / "figures/compression.svg").read_text().count(">compression<") == 3
    layers = (rich / "figures/layers.svg").read_text()
    assert ">cpos, linear<" in layers
    assert ", mlp<" not in layers and "structure" not in layers
