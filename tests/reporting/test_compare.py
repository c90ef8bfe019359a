"""`polyseme report --compare`: what changed between two committed reports."""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.stats
import yaml

from polyseme import results
from polyseme.cli import main
from polyseme.errors import ConfigError, IntegrityError, PolysemeError
from polyseme.reporting.command import report
from polyseme.reporting.paired_rows import Change, corrected, pair
from polyseme.stats.seeds import summarize

PARAMS = {
    "numerics": 6,
    "lm": {"bert": {"num_layers": 2, "lr": 0.1}},
    "runtime": {"progress": True},
}
GIT = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]


def _row(value: float | None, **cells: Any) -> dict[str, Any]:
    row = {"corpus": "wiki", "representation": "bert", "stage": "finetune", "task": "upos"}
    row |= {"strategy": "full", "split": "test", "metric": "accuracy", "train_size": 100, "seed": 0}
    return row | {"value": value} | cells


SCORES = {0: 0.50, 1: 0.52, 2: 0.51}
ROWS = [
    *(_row(value, seed=seed) for seed, value in SCORES.items()),
    _row(0.4, stage="intrinsic", task="simlex999", metric="spearman", seed=None, strategy="zero"),
]


class Project:
    """A git repository that holds a report of `wiki`."""

    def __init__(self, root: Path) -> None:
        self.root = root / "project"
        self.root.mkdir()
        self.git("init", "-q")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.root), *GIT, *arguments], check=True, capture_output=True
        )
        return done.stdout.decode().strip()

    def report(self, rows: list[dict[str, Any]], **parts: Any) -> None:
        folder = self.root / "reports/wiki"
        folder.mkdir(parents=True, exist_ok=True)
        described: dict[str, Any] = {"params": PARAMS, "versions": {"torch": "2.13"}}
        described |= {"hardware": {"cpu": "old"}, "artifacts": {"wiki/model/wiki/bert": "a" * 64}}
        described["tasks"] = {"upos": "accuracy", "simlex999": "spearman"}
        (folder / "manifest.json").write_text(json.dumps(described | parts))
        results.write(folder / "results.parquet", rows, schema=results.REPORT_SCHEMA)

    def commit(self, message: str) -> str:
        self.git("add", "-A")
        self.git("commit", "-qm", message, "--allow-empty")
        return self.git("rev-parse", "HEAD")

    def compare(self, *revisions: str, **options: Any) -> str:
        return report(self.root, "wiki", revisions, **options)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """One commit with a report."""
    made = Project(tmp_path)
    made.report(ROWS)
    made.commit("first")
    return made


def test_nothing_changed(project: Project) -> None:
    told = project.compare("HEAD")
    assert "Code: The same commit. numerics: 6." in told
    assert told.count("Nothing changed.") == 3
    assert "4 rows in both, 0 of them with another value" in told
    assert "2 comparisons: 2 the same" in told


def test_every_kind_of_change_is_named(project: Project) -> None:
    rows = [_row(value + 0.1 + 0.001 * seed, seed=seed) for seed, value in SCORES.items()]
    params = {"numerics": 7, "lm": {"bert": {"num_layers": 3}}, "runtime": {"progress": False}}
    changes = {"versions": {"torch": "2.14"}, "hardware": {"cpu": "new"}}
    digests = {"wiki/model/wiki/bert": "b" * 64, "data/enwiki": "c" * 64}
    project.report(
        [*rows, _row(0.9, representation="gpt")], params=params, artifacts=digests, **changes
    )
    (project.root / "code.py").write_text("1\n")
    told = " ".join(project.compare("HEAD").split())
    for part in (
        "numerics: 6 -> 7. Not committed in the second: code.py.",
        "lm.bert.lr 0.1 (absent)",
        "lm.bert.num_layers 2 3",
        "data/enwiki (absent) cccccccccccc",
        "versions.torch 2.13 2.14",
        "hardware.cpu old new",
        "runtime.progress True False",
        "Other bytes in 1 of 1 folder.",
        "model 1 of 1 wiki/bert",
        "3 rows in both, 3 of them with another value; 1 only in the first, 1 only in the second.",
        "finetune: upos bert full accuracy 0.510 0.611 +0.101",
        "better (3 seeds)",
        "intrinsic simlex999 bert first 1",
        "finetune upos gpt second 1",
    ):
        assert part in told, part


def test_two_revisions_are_read_without_touching_the_tree(project: Project) -> None:
    project.report([_row(0.1, seed=seed) for seed in SCORES])
    project.commit("worse\x1b[31m")
    (project.root / "reports/wiki/manifest.json").unlink()
    before = project.git("status", "--porcelain")
    told = project.compare("HEAD~1", "HEAD")
    assert "1 commit between" in told and "worse" in told and "\x1b" not in told
    assert "0.510   0.100" in told
    assert "-0.4" not in told and "−0.410" in told
    assert project.git("status", "--porcelain") == before
    assert "first only" in project.compare("HEAD", "HEAD~1")


def test_a_dvc_experiment_is_a_revision(project: Project) -> None:
    head = project.git("rev-parse", "HEAD")
    project.report([_row(0.1, seed=seed) for seed in SCORES])
    found = project.commit("experiment")
    project.git("update-ref", f"refs/exps/{head[:2]}/{head[2:]}/keen-otter", found)
    project.git("reset", "-q", "--hard", head)
    assert f"HEAD ({head[:7]}) against keen-otter ({found[:7]})" in project.compare(
        "HEAD", "keen-otter"
    )
    project.git("update-ref", f"refs/exps/{'0' * 2}/{'1' * 38}/keen-otter", head)
    with pytest.raises(PolysemeError, match="names several DVC experiments"):
        project.compare("keen-otter")


def test_files_of_the_user_are_compared_by_dvc_lock(project: Project) -> None:
    def lock(digest: str) -> None:
        deps = [{"path": "/data/mine", "md5": digest}, {"path": "artifacts/x", "md5": digest}]
        stages = {"corpus@wiki": {"deps": deps}, "report": {"cmd": "python report.py wiki"}}
        (project.root / "dvc.lock").write_text(yaml.safe_dump({"stages": stages}))

    lock("1" * 32)
    project.commit("lock")
    lock("2" * 32)
    told = project.compare("HEAD")
    assert "/data/mine  111111111111  222222222222" in told and "artifacts/x" not in told
    assert "No dvc.lock" not in told
    assert "No dvc.lock of this experiment in HEAD~1" in project.compare("HEAD~1")


def test_the_terminal_is_short_and_all_is_all(project: Project) -> None:
    rows = [_row(0.5, task=f"task{n}", seed=seed) for n in range(30) for seed in SCORES]
    project.report(rows)
    project.commit("many")
    project.report([row | {"value": 0.6 + 0.01 * row["seed"]} for row in rows])
    assert "... and 20 more: --all, or --out FILE" in project.compare("HEAD")
    told = project.compare("HEAD", is_whole=True)
    assert "more: --all" not in told and all(f"task{n} " in told for n in range(30))


def test_files_hold_everything_escaped(project: Project, tmp_path: Path) -> None:
    project.report([_row(0.7, seed=seed, representation="<b>|x") for seed in SCORES])
    project.commit("<script>alert(1)</script>")
    for name in ("out.md", "out.html"):
        assert project.compare("HEAD~1", "HEAD", out=tmp_path / name).startswith(
            str(tmp_path / name)
        )
    page = (tmp_path / "out.html").read_text()
    assert "<script>alert" not in page and "&lt;script&gt;alert(1)" in page
    text = (tmp_path / "out.md").read_text()
    assert r"\<b\>\|x" in text and r"\<script\>" in text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.html", "out.md", "project"]


@pytest.mark.parametrize(
    ("revisions", "part"),
    [
        (("nosuch",), "nosuch: is no git revision and no DVC experiment"),
        (("--output=x",), "--output=x: is no git revision"),
        (("HEAD", "empty"), "there is no report of 'wiki' in it; reports there: none"),
        (("HEAD", "torn"), "manifest.json: is not readable"),
        (("HEAD", "older"), "another version of polyseme: it lacks rank"),
        (("HEAD", "text"), "column value holds string, not double"),
        (("HEAD", "noise"), "results.parquet: is not readable"),
    ],
)
def test_what_cannot_be_read_is_one_line(
    project: Project, revisions: tuple[str, ...], part: str
) -> None:
    folder = project.root / "reports/wiki"
    (folder / "manifest.json").write_text("{}")
    project.commit("torn")
    project.git("tag", "torn")
    project.report(ROWS)
    whole = pq.read_table(folder / "results.parquet")
    pq.write_table(whole.drop_columns(["rank"]), folder / "results.parquet")
    project.commit("older")
    project.git("tag", "older")
    at = whole.column_names.index("value")
    pq.write_table(
        whole.set_column(at, "value", whole["value"].cast(pa.string())), folder / "results.parquet"
    )
    project.commit("text")
    project.git("tag", "text")
    (folder / "results.parquet").write_bytes(b"PAR1 and noise")
    project.commit("noise")
    project.git("tag", "noise")
    for path in folder.iterdir():
        path.unlink()
    project.commit("empty")
    project.git("tag", "empty")
    first = "torn~1" if revisions[0] == "HEAD" else revisions[0]
    with pytest.raises(PolysemeError) as caught:
        project.compare(first, *revisions[1:])
    line = str(caught.value)
    assert part in line and "\n" not in line, line
    torn = "not readable" in part or "holds" in part
    assert isinstance(caught.value, IntegrityError) == torn


def test_other_misuse_is_one_line(project: Project, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="3 revisions"):
        project.compare("HEAD", "HEAD", "HEAD")
    with pytest.raises(ConfigError, match=r"end it with \.md or \.html"):
        project.compare("HEAD", out=tmp_path / "out.pdf")
    with pytest.raises(PolysemeError, match="No such file"):
        project.compare("HEAD", out=tmp_path / "nowhere/out.md")
    with pytest.raises(PolysemeError, match="is no git checkout"):
        report(tmp_path, "wiki", ["HEAD"])


def test_the_command_says_where_the_report_is(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project.root)
    call: Callable[..., int] = lambda *arguments: _code(["report", *arguments])  # noqa: E731
    assert call("--experiment", "wiki") == 1
    assert "make repro EXPERIMENT=wiki" in capsys.readouterr().err
    (project.root / "reports/wiki/README.md").write_text("report")
    assert call("--experiment", "wiki") == 0
    assert "reports/wiki/README.md" in capsys.readouterr().out
    assert call("--experiment", "wiki", "--compare", "HEAD") == 0
    assert "4 rows in both" in capsys.readouterr().out


def _code(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    return int(left.value.code or 0)


def test_p_values_are_those_of_scipy_corrected_by_holm() -> None:
    samples = [[0.1, 0.12, 0.09], [0.1, -0.05, 0.2], [0.01, 0.03, 0.02]]
    changes = [
        Change(
            ("finetune", f"t{n}", "c", "r", "s", None, None, "accuracy"), 0, 0, summarize(sample)
        )
        for n, sample in enumerate(samples)
    ]
    raw = [scipy.stats.ttest_1samp(sample, 0).pvalue for sample in samples]
    order = sorted(range(3), key=lambda n: raw[n])
    stepped = [min(1, (3 - rank) * raw[n]) for rank, n in enumerate(order)]
    expected = dict(zip(order, itertools.accumulate(stepped, max), strict=True))
    assert [change.p for change in corrected(changes)] == pytest.approx(
        [expected[n] for n in range(3)]
    )


def test_seeds_without_spread_are_not_tested() -> None:
    first = [_row(value, seed=seed) for seed, value in SCORES.items()]
    second = [row | {"value": row["value"] + 0.1} for row in first]
    (change,) = pair(_whole(first), _whole(second)).changes
    assert (change.p, change.verdict) == (None, "not tested")


def test_lower_is_better_where_it_is() -> None:
    first = [_row(value, seed=seed, metric="loss") for seed, value in SCORES.items()]
    second = [row | {"value": row["value"] + 0.1 + 0.001 * row["seed"]} for row in first]
    (change,) = pair(_whole(first), _whole(second)).changes
    assert change.verdict == "worse"


def test_the_named_main_metric_decides_on_the_test_split_with_most_labels() -> None:
    rows = [_row(0.5, metric=metric) for metric in ("accuracy", "macro_f1")]
    rows += [
        _row(0.1, split="valid", metric="macro_f1"),
        _row(0.2, train_size=5, metric="macro_f1"),
    ]
    rows += [_row(0.3, control=True, metric="macro_f1"), _row(0.4, part="nouns", metric="macro_f1")]
    second = [row | {"value": row["value"] * 2} for row in rows]
    found = pair(_whole(rows), _whole(second), {"upos": "macro_f1"})
    (change,) = found.changes
    assert (change.metric, change.first, change.second) == ("macro_f1", 0.5, 1.0)
    assert (found.both, found.changed) == (6, 6)
    assert pair(_whole(rows), _whole(second)).changes[0].metric == "accuracy"


def test_tests_are_no_measurements_and_each_probe_is_compared_by_itself() -> None:
    tests = [
        _row(0.1, stage="test", variant="behind the best", against=f"{name}, full")
        for name in ("gpt", "elmo")
    ]
    found = pair(_whole(tests), _whole(tests[::-1]))
    assert (found.both, found.changed, found.changes) == (0, 0, [])
    probes = [
        _row(value, stage="probe", probe=probe, metric=metric, strategy=None)
        for probe, metric, value in (("linear", "accuracy", 0.5), ("mdl", "compression", 2.0))
    ]
    second = [row | {"value": row["value"] * 1.5} for row in probes]
    changes = pair(_whole(probes), _whole(second)).changes
    assert {change.metric for change in changes} == {"accuracy", "compression"}


def test_only_common_layers_count() -> None:
    first = [_row(0.2, layer="1"), _row(0.9, layer="2")]
    second = [_row(0.3, layer="1"), _row(0.1, layer="3")]
    (change,) = pair(_whole(first), _whole(second)).changes
    assert (change.first, change.second) == (0.2, 0.3)


def _whole(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with every column, as a report holds them."""
    columns = {name: [row.get(name) for row in rows] for name in results.REPORT_SCHEMA.names}
    found: list[dict[str, Any]] = pa.table(columns, schema=results.REPORT_SCHEMA).to_pylist()
    return found


def test_rows_that_are_in_no_comparison_are_counted(project: Project) -> None:
    rows = [_row(value, seed=seed) for seed, value in SCORES.items()]
    project.report([*rows[1:], rows[0] | {"value": float("nan")}, rows[1]])
    told = " ".join(project.compare("HEAD").split())
    assert "1 rows of both have no number as their value in the second." in told
    assert "1 rows of the second measure the same as a later row, which counts." in told
    assert "value in the first" not in told and "rows of the first" not in told


def test_a_check_that_does_not_apply_is_no_row_without_a_number() -> None:
    check = _row(None, stage="invariance", metric="left_padding")
    found = pair(_whole([check, _row(0.5)]), _whole([check, _row(None)]))
    assert found.undefined == (0, 1)
