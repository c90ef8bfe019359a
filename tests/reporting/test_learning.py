"""Learning curves and the labels that pre-training saves, made from rows alone."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_tree import CONTEXTUAL, EXPERIMENT, MANY, STATIC, Tree
from test_report import _parse, _table, _write

from polyseme import paths, results
from polyseme.reporting.learning import saved

SIZES = (32, 128, 512)
CAPTION = "Labels saved"
Score = Callable[[str, str, int, int], float]


def score(name: str, strategy: str, size: int, seed: int) -> float:
    """Doubling the labels adds 0.05; pre-training is worth two doublings, contexts one more."""
    doublings = {32: 0, 128: 2, 512: 4}[size]
    ahead = 0 if strategy == "scratch" else 3 if name == "bert" else 2
    return (
        0.3
        + 0.05 * (doublings + ahead)
        + 0.01 * (seed == 1 and (name, strategy) == ("bert", "full"))
    )


def with_budgets(tree: Tree, made: Score = score, sizes: tuple[int, ...] = SIZES) -> Tree:
    """The tree with several numbers of labels, all of whose scores are made up."""
    for name in tree.selection.representations:
        path = tree.root / paths.results(EXPERIMENT, "finetune", "wiki", name) / "results.parquet"
        rows = [
            row | {"train_size": size, "value": made(name, row["strategy"], size, row["seed"])}
            for row in results.read(path)
            for size in sizes
        ]
        results.write(path, rows)
    return tree


@pytest.fixture
def report(make_tree: Callable[..., Tree], tmp_path: Path) -> Path:
    return _write(with_budgets(make_tree()), tmp_path / "report")


def _saved(folder: Path, task: str = "sst2") -> dict[tuple[str, str], dict[str, str]]:
    lines = _table((folder / "README.md").read_text().replace("\\", ""), CAPTION)
    return {
        (line["Strategy"], line["Representation"]): line for line in lines if line["Task"] == task
    }


def test_the_labels_saved_are_those_of_the_curves(report: Path) -> None:
    lines = _saved(report)
    assert set(lines) == {(s, r) for s in ("frozen", "full") for r in ("word2vec", "bert")}
    bert = lines["frozen", "bert"]
    assert bert["Score with them"] == "0.550 ± 0.000"  # with 128 labels
    assert bert["From scratch needs"] == "> 512"  # 1,024 would do
    assert bert["Best static needs"] == "256"  # one doubling more
    word2vec = lines["frozen", "word2vec"]
    assert (word2vec["From scratch needs"], word2vec["Best static needs"]) == ("512", "–")
    assert bert["Best static"] == "random, frozen"
    assert "labels: 128" in (report / "README.md").read_text()


def test_the_range_is_that_of_the_seeds(make_tree: Callable[..., Tree], tmp_path: Path) -> None:
    def spread(name: str, strategy: str, size: int, seed: int) -> float:
        ahead = 0.05 * (seed - 1) if strategy == "frozen" and name == "bert" else 0.0
        return score(name, strategy if name != "bert" else "scratch", size, seed) + ahead

    lines = _saved(_write(with_budgets(make_tree(), spread), tmp_path / "report"))
    assert lines["frozen", "bert"]["From scratch needs"] == "128"
    assert lines["frozen", "bert"]["Over seeds (scratch)"] == "64 to 256"


def test_without_128_labels_the_fewest_are_taken(
    make_tree: Callable[..., Tree], tmp_path: Path
) -> None:
    tree = with_budgets(make_tree(), sizes=(32, 512))
    assert {each.labels for each in saved(tree.collect())} == {32}
    lines = _saved(_write(tree, tmp_path / "report"))
    assert lines["frozen", "word2vec"]["From scratch needs"] == "128"


def test_lost_ground_is_at_most_the_fewest(make_tree: Callable[..., Tree], tmp_path: Path) -> None:
    worse: Score = lambda name, strategy, size, seed: 0.5 - 0.1 * (strategy != "scratch")  # noqa: E731
    folder = _write(with_budgets(make_tree(), worse), tmp_path / "report")
    assert _saved(folder)["full", "bert"]["From scratch needs"] == "≤ 32"
    text = (folder / "README.md").read_text()
    assert "in 0 of 8 comparisons" in text and "no more than the fewest measured in 8" in text


def test_one_number_of_labels_makes_no_curve(
    make_tree: Callable[..., Tree], tmp_path: Path
) -> None:
    folder = _write(make_tree(), tmp_path / "report")
    assert "Learning curves" not in (folder / "README.md").read_text()
    assert not (folder / "figures/learning_curves.svg").exists()
    assert len(list(csv.DictReader((folder / "metrics/learning_curves.csv").open()))) == 2 * 3 * 3


def test_the_table_for_dvc_equals_the_rows(report: Path) -> None:
    lines = list(csv.DictReader((report / "metrics/learning_curves.csv").open()))
    assert len(lines) == 2 * 3 * 3 * len(SIZES)  # tasks, strategies, representations
    (line,) = [
        line
        for line in lines
        if (line["task"], line["strategy"], line["representation"], line["labels"])
        == ("sst2", "full", "bert", "128")
    ]
    assert [line[name] for name in ("metric", "score", "lowest", "highest", "seeds")] == [
        "macro_f1", "0.5533", "0.55", "0.56", "3",
    ]  # fmt: skip


@pytest.mark.parametrize("many", [False, True])
def test_there_is_a_panel_for_each_task_and_strategy(
    make_tree: Callable[..., Tree], tmp_path: Path, many: bool
) -> None:
    tree = with_budgets(make_tree(MANY) if many else make_tree())
    folder = _write(tree, tmp_path / "report")
    svg = (folder / "figures/learning_curves.svg").read_text()
    titles = {
        f">{task}, {s}<" for task in ("truecase", "sst2") for s in ("scratch", "frozen", "full")
    }
    assert {svg.count(title) for title in titles} == {1}
    assert svg.count(">labelled items<") == len(titles)
    names = (*STATIC, *CONTEXTUAL) if many else ("random", "word2vec", "bert")
    assert {svg.count(f">{name}<") for name in names} == {1}
    _parse(folder / "index.html")
