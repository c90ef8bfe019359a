"""What DVC shows of a report: few columns, short names, rounded values, lines and panels."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from fake_tree import SELECTION, Tree

from polyseme import results
from polyseme.reporting import build, headline

ROOT = Path(__file__).parents[2]
TOOLS = Path(sys.executable).parent
MEANS = {"mean.random", "mean.word2vec", "mean.bert"}
TASKS = {f"{family}.{task}" for family in headline.FAMILIES for task in ("truecase", "sst2")}
COLUMNS = MEANS | TASKS | {"bits_per_byte.bert"}


class Repository:
    """A small one with the metrics and plots of the project's dvc.yaml, and a report."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        declared = yaml.safe_load((ROOT / "dvc.yaml").read_text())
        kept = {"vars": [{"experiment": "e"}]}
        kept |= {name: declared[name] for name in ("metrics", "plots")}
        text = yaml.safe_dump(kept, sort_keys=False).replace("${experiment}", "e")
        (folder / "dvc.yaml").write_text(text)
        shutil.copytree(ROOT / "conf/plots", folder / "conf/plots")
        self.call("git", "init", "-q", ".")
        self.call("dvc", "init", "-q")
        self.call("dvc", "config", "core.analytics", "false")

    def call(self, *command: str) -> str:
        """Standard output of a command."""
        keys = ("AUTHOR_NAME", "AUTHOR_EMAIL", "COMMITTER_NAME", "COMMITTER_EMAIL")
        who = {f"GIT_{key}": "a@b.c" for key in keys}
        environment = os.environ | who | {"PATH": f"{TOOLS}:{os.environ['PATH']}"}
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def commit(self) -> None:
        """Everything, as a new revision."""
        self.call("git", "add", "-A")
        self.call("git", "commit", "-q", "-m", "report")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A committed report."""
    made = Repository(tmp_path_factory.mktemp("repository"))
    tree = Tree(tmp_path_factory.mktemp("tree") / "project", SELECTION).write()
    build.write(made.folder / "reports/e", tree.collect())
    made.commit()
    return made


def _report(repository: Repository) -> list[dict[str, Any]]:
    return results.read(repository.folder / "reports/e/results.parquet")


def test_metrics_are_few_columns_with_short_names(repository: Repository) -> None:
    shown = json.loads(repository.call("dvc", "metrics", "show", "--json"))
    (data,) = shown[""]["data"].values()
    content = data["data"]
    assert {f"{group}.{name}" for group, of in content.items() for name in of} == COLUMNS
    best = 0.0
    for strategy in ("frozen", "full"):
        values = [
            row["value"]
            for row in _report(repository)
            if (row["stage"], row["task"], row["strategy"]) == ("finetune", "sst2", strategy)
            and (row["representation"], row["metric"], row["split"]) == ("bert", "macro_f1", "test")
        ]
        best = max(best, sum(values) / max(len(values), 1))
    assert content["contextual"]["sst2"] == round(best, 4) > 0
    table = repository.call("dvc", "metrics", "show", "--md")
    assert {cell.strip() for cell in table.splitlines()[0].split("|")} >= COLUMNS


def test_details_are_shown_by_the_name_of_their_file(repository: Repository) -> None:
    shown = repository.call("dvc", "metrics", "show", "--json", "reports/e/metrics/finetune.json")
    assert "macro_f1" in shown


def test_experiments_are_a_table_of_the_same_columns(repository: Repository) -> None:
    lines = list(csv.DictReader(io.StringIO(repository.call("dvc", "exp", "show", "--csv"))))
    assert set(lines[0]) >= COLUMNS
    assert all(len(lines[0][name]) <= len("0.1234") for name in COLUMNS)


def test_a_difference_is_shown_with_its_size(repository: Repository) -> None:
    path = repository.folder / "reports/e/metrics/summary.json"
    before = path.read_text()
    content = json.loads(before)
    old = content["mean"]["bert"]
    content["mean"]["bert"] = new = round(old + 0.1, 4)
    path.write_text(json.dumps(content))
    shown = repository.call("dvc", "metrics", "diff", "--md")
    path.write_text(before)
    (line,) = [line for line in shown.splitlines() if "summary.json" in line]
    assert [cell.strip() for cell in line.split("|")[2:6]] == [
        "mean.bert", str(old), str(new), "0.1",
    ]  # fmt: skip


def test_plots_have_a_line_for_each_representation(repository: Repository) -> None:
    shown = json.loads(repository.call("dvc", "plots", "show", "--json"))
    assert not shown.get("errors")
    assert set(shown["data"]) == {"loss", "layers", "learning_curves"}
    for name, y in (("loss", "valid_bits_per_byte"), ("layers", "score")):
        (plot,) = shown["data"][name]
        content = (
            plot["content"] if isinstance(plot["content"], dict) else json.loads(plot["content"])
        )
        assert content["spec"]["encoding"]["color"]["field"] == "of"
        assert content["spec"]["encoding"]["y"]["field"] == y
        assert "<DVC_METRIC" not in json.dumps(content)
        of = {row.get("representation") or row["model"] for row in content["data"]["values"]}
        assert "bert" in of


def test_plots_of_two_revisions_are_drawn_without_a_browser(repository: Repository) -> None:
    out = repository.call("dvc", "plots", "diff", "HEAD", "-o", "drawn")
    assert (repository.folder / "drawn/index.html").is_file(), out


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.12345, 0.1235),
        (19.7478, 19.75),
        (1.00004, 1.0),
        (123456.7, 123457),
        (-2.71828, -2.718),
        (0.0, 0.0),
    ],
)
def test_values_have_four_digits(value: float, shown: float) -> None:
    assert headline.rounded(value) == pytest.approx(shown, abs=1e-9)
