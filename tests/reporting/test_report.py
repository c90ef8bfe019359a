"""The written report: complete, made from rows alone, the same bytes for the same input."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fake_tree import EXPERIMENT, SEEDS, SELECTION, Tree

from polyseme import paths, results
from polyseme.errors import DataError
from polyseme.reporting import build, numbers
from polyseme.stats.seeds import summarize

VOID = {"meta", "img", "br", "hr", "link", "input"}
NASTY = "a|b<script>_$x^2$&*`é\"'"


def _write(tree: Tree, folder: Path) -> Path:
    folder.mkdir(parents=True)
    build.write(folder, tree.collect())
    return folder


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    return _write(Tree(folder / "project").write(), folder / "report")


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_report_has_all_its_parts(report):
    figures = {
        f"figures/{name}{variant}.svg"
        for name in ("comparison", "layers", "loss", "cost")
        for variant in ("", "-dark")
    }
    names = ("summary", "pretrain", "finetune", "probe", "intrinsic")
    metrics = {f"metrics/{name}.json" for name in names}
    plots = {f"metrics/{name}.csv" for name in ("loss", "layers", "learning_curves", "forgetting")}
    pages = {"README.md", "index.html", "dictionary.md", "results.parquet"}
    made = [(name, task) for name in SELECTION.representations for task in ("truecase", "sst2")]
    cards = {"cards.html", *(f"cards/{name}-{task}.svg" for name, task in made)}
    assert set(_files(report)) == {"scores.json"} | figures | metrics | plots | pages | cards


def test_the_same_input_gives_the_same_bytes(report, make_tree, tmp_path):
    assert _files(report) == _files(_write(make_tree(), tmp_path / "again"))


def test_only_the_parts_with_seconds_follow_the_run_records(report, make_tree, tmp_path):
    tree, before = make_tree(), _files(report)
    tree.record_making("bert", seconds=900.0)
    after = _files(_write(tree, tmp_path / "after"))
    changed = {name for name in before if before[name] != after[name]}
    cost = {"figures/cost.svg", "figures/cost-dark.svg"}
    assert changed == cost | {"results.parquet", "README.md", "index.html", "scores.json"}


def _table(text: str, caption: str) -> list[dict[str, str]]:
    """The Markdown table below the caption that starts so."""
    lines = text[text.index(f"**{caption}") :].splitlines()
    lines = lines[next(n for n, line in enumerate(lines) if line.startswith("| ")) :]
    cells = [[c.strip(" *") for c in line.strip("|").split("|")] for line in lines]
    end = next((n for n, line in enumerate(lines) if not line.startswith("|")), len(lines))
    return [dict(zip(cells[0], row, strict=False)) for row in cells[2:end]]


@pytest.mark.parametrize("task", ["truecase", "sst2"])
def test_every_score_of_the_comparison_equals_its_rows(report, task):
    rows = [
        row
        for row in results.read(report / "results.parquet")
        if row["task"] == task and row["stage"] == "finetune" and row["split"] == "test"
    ]
    table = _table((report / "README.md").read_text(), f"{task}: macro F1 and accuracy on test")
    shown = [line for line in table if line["Strategy"] != "baseline"]
    assert len(shown) == len(SELECTION.strategies) * len(SELECTION.representations)
    for line in shown:
        for metric in ("macro_f1", "accuracy"):
            values = [
                row["value"]
                for row in rows
                if row["strategy"] == line["Strategy"]
                and row["representation"] == line["Representation"].replace("\\", "")
                and row["metric"] == metric
            ]
            assert len(values) == len(SEEDS)
            assert line[numbers.name(metric)] == numbers.spread(metric, summarize(values))


def test_markdown_and_html_show_the_same_numbers(report):
    def found(text: str) -> list[str]:
        return re.findall(r"−?\d\.\d{3} ± \d\.\d{3}", text)

    readme, page = ((report / name).read_text() for name in ("README.md", "index.html"))
    assert found(readme) == found(page) != []


def test_metrics_are_the_means_of_the_rows(report):
    content = json.loads((report / "metrics/finetune.json").read_text())
    values = [
        row["value"]
        for row in results.read(report / "results.parquet")
        if (row["task"], row["strategy"], row["representation"]) == ("sst2", "full", "bert")
        and (row["metric"], row["split"], row["stage"]) == ("macro_f1", "test", "finetune")
    ]
    assert content["sst2"]["full"]["bert"]["macro_f1"] == round(sum(values) / len(values), 4)


class _Page(HTMLParser):
    """Checks that tags nest, collects attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []

    def handle_starttag(self, tag, attrs):
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> at {self.getpos()}"


def _parse(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    page.close()
    assert page.open == []
    return page


def test_the_page_is_well_formed_and_its_references_resolve(report):
    page = _parse(report / "index.html")
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    targets = {v[1:] for _, n, v in page.attributes if n == "href" and v.startswith("#")}
    targets |= {v for _, n, v in page.attributes if n == "aria-labelledby" and " " not in v}
    assert targets <= set(ids)


def test_the_page_loads_nothing(report):
    page = _parse(report / "index.html")
    loading = [v for _, n, v in page.attributes if n in ("src", "srcset", "href", "data", "action")]
    assert loading
    files = {"cards.html", "results.parquet", "dictionary.md"}
    assert all(value.startswith("#") or value in files for value in loading)
    text = (report / "index.html").read_text()
    assert "http://" not in text
    assert "https://" not in text
    assert "xlink" not in text
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)


def test_names_with_unusual_characters_are_escaped(make_tree, tmp_path):
    tree = make_tree()
    for path in (tree.root / paths.ARTIFACTS).rglob("results.parquet"):
        rows = results.read(path)
        results.write(
            path, [r | {"task": NASTY if r["task"] == "sst2" else r["task"]} for r in rows]
        )
    tree.selection = dataclasses.replace(SELECTION, tasks=("truecase", NASTY))
    card = tree.root / paths.task(EXPERIMENT, NASTY)
    shutil.copytree(tree.root / paths.task(EXPERIMENT, "sst2"), card)
    folder = _write(tree, tmp_path / "report")
    _parse(folder / "index.html")
    page = (folder / "index.html").read_text(encoding="utf-8")
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert page.count("<script>") == 1
    assert "<script>" not in readme
    for table in re.findall(r"(?:^\|.*\n)+", readme, flags=re.MULTILINE):
        bars = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(bars) == 1, table
    assert NASTY[:3] not in readme


def test_ties_are_called_ties(make_tree, tmp_path):
    tree = make_tree()
    path = tree.root / paths.results(EXPERIMENT, "finetune", "wiki", "word2vec") / "results.parquet"
    other = path.parents[1] / "bert" / path.name
    shift = {0: 0.01, 1: -0.012, 2: 0.001}
    results.write(
        path,
        [
            row | {"representation": "word2vec", "value": row["value"] + shift[row["seed"]]}
            for row in results.read(other)
        ],
    )
    readme = (_write(tree, tmp_path / "report") / "README.md").read_text()
    assert "they cannot be told apart on truecase" in readme.lower()
    line = _table(readme, "truecase: macro F1")[1]
    assert (line["Representation"], line["Behind the best"][:4]) == ("word2vec", "tie:")


def test_a_best_score_below_a_baseline_says_so(make_tree, tmp_path):
    tree = make_tree()
    path = tree.root / paths.results(EXPERIMENT, "baseline") / "results.parquet"
    results.write(path, [row | {"value": 0.99} for row in results.read(path)])
    readme = (_write(tree, tmp_path / "report") / "README.md").read_text()
    told = "A baseline that looks at no representation is not below the interval of the one that "
    told += "validation chooses on 2 of 2"
    assert f"{told} tasks: truecase (majority) and sst2 (majority)." in readme


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({"strategies": ()}, {"Answer", "What to use", "Comparison", "Cost against quality"}),
        ({"probes": ()}, {"Probes by layer"}),
        ({"tasks": ("truecase", "sst2")}, {"Intrinsic measures"}),
        ({"baselines": ()}, set()),
    ],
)
def test_sections_without_rows_are_left_out(make_tree, tmp_path, change, missing):
    titles = {
        "Answer",
        "All representations, with their cost",
        "What to use",
        "Checks before scores count",
        "Comparison",
        "Probes by layer",
        "Intrinsic measures",
        "Pre-training",
        "Cost against quality",
        "Data",
        "Provenance",
    }
    folder = _write(make_tree(dataclasses.replace(SELECTION, **change)), tmp_path / "report")
    readme = (folder / "README.md").read_text()
    assert set(re.findall(r"^## (.*)$", readme, flags=re.MULTILINE)) == titles - missing
    _parse(folder / "index.html")
    json.loads((folder / "metrics/probe.json").read_text())


def test_an_experiment_without_measurements_is_refused(make_tree, tmp_path):
    selection = dataclasses.replace(SELECTION, representations=(), baselines=())
    tree = make_tree(selection)
    with pytest.raises(DataError, match="nothing was measured"):
        _write(tree, tmp_path / "report")


def test_values_that_are_not_defined_are_shown_as_missing(make_tree, tmp_path):
    tree = make_tree()
    path = tree.root / paths.results(EXPERIMENT, "intrinsic", "wiki", "random") / "results.parquet"
    changed = [r | {"value": None if r["strategy"] else r["value"]} for r in results.read(path)]
    results.write(path, changed)
    path = tree.root / paths.results(EXPERIMENT, "model", "wiki", "bert") / "results.parquet"
    results.write(path, [row | {"value": math.inf} for row in results.read(path)])
    folder = _write(tree, tmp_path / "report")
    line = _table((folder / "README.md").read_text(), "wordsim353")[0]
    assert line["Spearman correlation (skip)"] == numbers.MISSING
    assert json.loads((folder / "metrics/pretrain.json").read_text()) == {}


def test_label_budgets_get_a_table_and_metrics_of_their_own(make_tree, tmp_path):
    tree = make_tree()
    for name in SELECTION.representations:
        path = tree.root / paths.results(EXPERIMENT, "finetune", "wiki", name) / "results.parquet"
        rows = results.read(path)
        fewer = [row | {"train_size": 32, "value": row["value"] - 0.2} for row in rows]
        results.write(path, [*rows, *fewer])
    folder = _write(tree, tmp_path / "report")
    caption = "truecase: macro F1 by number of labelled training items"
    line = _table((folder / "README.md").read_text(), caption)[0]
    assert float(line["32 items"][:5]) == pytest.approx(float(line["1,000 items"][:5]) - 0.2)
    assert "full@32" in json.loads((folder / "metrics/finetune.json").read_text())["truecase"]


def test_a_strategy_that_stops_at_fewer_labels_is_compared_with_those(make_tree, tmp_path):
    tree = make_tree()
    for name in SELECTION.representations:
        path = tree.root / paths.results(EXPERIMENT, "finetune", "wiki", name) / "results.parquet"
        rows = results.read(path)
        fewer = [row | {"train_size": 32, "value": row["value"] - 0.2} for row in rows]
        results.write(path, [*fewer, *(row for row in rows if row["strategy"] != "full")])
    text = (_write(tree, tmp_path / "report") / "README.md").read_text()
    lines = _table(text, "truecase: macro F1 and accuracy")
    found = {(line["Strategy"], line["Training items"]) for line in lines}
    assert {("full", "32"), ("frozen", "1,000"), ("scratch", "1,000")} <= found


def test_sentence_tasks_without_a_control_task_are_drawn(make_tree, tmp_path):
    tree = make_tree()
    probed = (tree.root / paths.results(EXPERIMENT, "probe")).rglob("results.parquet")
    for path in [*probed, tree.root / paths.results(EXPERIMENT, "baseline") / "results.parquet"]:
        rows = [r for r in results.read(path) if not r["control"] and r["metric"] == "accuracy"]
        results.write(path, rows)
    folder = _write(tree, tmp_path / "report")
    assert "no control task" in (folder / "figures/layers.svg").read_text()
    table = _table((folder / "README.md").read_text(), "sst2, linear probe: by layer")
    assert "Selectivity" not in table[0]


def test_a_run_with_one_seed_makes_no_winner(make_tree, tmp_path):
    tree = make_tree()
    for path in (tree.root / paths.results(EXPERIMENT, "finetune")).rglob("results.parquet"):
        results.write(path, [row for row in results.read(path) if row["seed"] == 0])
    readme = (_write(tree, tmp_path / "report") / "README.md").read_text()
    assert "is best;" not in readme
    assert "one seed" in readme
