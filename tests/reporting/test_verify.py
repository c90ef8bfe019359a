"""`make verify`: what a rerun may change, and what is said about it."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from polyseme import paths, results
from polyseme.errors import IntegrityError, PolysemeError
from polyseme.reporting import manifest as report_manifest
from polyseme.reporting.verify import Tolerance, verify
from polyseme.runtime import manifest

PARAMS = {
    "dataset": {"enwiki": {"sha256": "0"}, "unused": {}},
    "runtime": {"num_threads": 2, "tracking": "offline"},
    "seed": 1,
}
MODEL = "wiki/model/wiki/bert"


def _row(**cells: Any) -> dict[str, Any]:
    row = {"corpus": "wiki", "representation": "bert", "task": "upos", "split": "test"}
    return row | {"metric": "accuracy", "seed": 1, "value": 0.9, "seconds": 1.0} | cells


ROWS = [
    _row(),
    _row(seed=2, value=0.8),
    _row(metric="perplexity", value=100.0),
    _row(metric="loss", value=math.nan),
]


def _artifact(root: Path, name: str, text: str) -> None:
    folder = root / paths.ARTIFACTS / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "weights").write_text(text)
    manifest.write(folder, stage="any", inputs={})


def _report(root: Path, rows: list[dict[str, Any]], **changes: Any) -> None:
    """What the report stage leaves, with parts of its manifest replaced."""
    folder = root / paths.report("wiki")
    folder.mkdir(parents=True, exist_ok=True)
    content = report_manifest.build("wiki", PARAMS, root)
    for part, values in changes.items():
        content[part] = content[part] | values
    (folder / "manifest.json").write_text(json.dumps(content))
    results.write(folder / "results.parquet", rows)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project whose report of `wiki` is committed; it lies below the top of the repository."""
    root = tmp_path / "project"
    _artifact(root, "data/enwiki", "bytes")
    _artifact(root, "wiki/corpus/wiki", "tokens")
    _artifact(root, MODEL, "weights")
    _artifact(root, "demo/model/demo/bert", "weights of another experiment")
    _artifact(root, "wiki/model/wiki/.gpt.tmp-123", "unfinished")
    (root / "artifacts/wiki/runs").mkdir()
    (root / "artifacts/wiki/runs/report.json").write_text("{}")
    _report(root, ROWS)
    git = ["git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for command in (["init", "-q"], ["add", "project/reports"], ["commit", "-qm", "report"]):
        subprocess.run([*git, *command], check=True)
    return root


def _statuses(items: Any) -> dict[str, str]:
    return {item.name: item.status for item in items if item.status != "identical"}


def test_manifest_lists_what_belongs_to_the_experiment(root: Path) -> None:
    built = report_manifest.build("wiki", PARAMS, root)
    assert list(built["artifacts"]) == ["data/enwiki", "wiki/corpus/wiki", MODEL]
    assert built["artifacts"][MODEL] == manifest.digest(root / "artifacts" / MODEL)
    assert built["params"] == PARAMS
    assert {"python", "torch", "polyseme"} <= built["versions"].keys()
    assert {"cpu", "cores", "fast_bf16", "memory_gib"} <= built["hardware"].keys()


def test_an_equal_rerun_is_identical_though_its_seconds_differ(root: Path) -> None:
    _report(root, [row | {"seconds": 99.0} for row in ROWS])
    verdict = verify("wiki", root)
    assert (verdict.status, verdict.exit_code, verdict.differences) == ("identical", 0, [])
    assert (len(verdict.artifacts), len(verdict.metrics)) == (3, len(ROWS))
    assert _statuses(verdict.artifacts) == _statuses(verdict.metrics) == {}


def test_another_machine_may_change_bits_within_the_tolerance(root: Path) -> None:
    _artifact(root, MODEL, "weights in other bits")
    rows = [ROWS[0] | {"value": 0.915}, ROWS[1], ROWS[2] | {"value": 101.5}, ROWS[3]]
    _report(root, rows, hardware={"cpu": "another"})
    verdict = verify("wiki", root)
    assert (verdict.status, verdict.exit_code) == ("within tolerance", 0)
    assert _statuses(verdict.artifacts) == {MODEL: "differs"}
    assert list(_statuses(verdict.metrics).values()) == ["within tolerance"] * 2
    assert verdict.differences[0].startswith("hardware: cpu: ")
    assert verdict.differences[0].endswith(" -> another")


def test_the_same_machine_may_not_change_bits(root: Path) -> None:
    _artifact(root, MODEL, "weights in other bits")
    _report(root, ROWS)
    verdict = verify("wiki", root)
    assert (verdict.status, verdict.exit_code) == ("differs", 1)


@pytest.mark.parametrize(
    ("row", "value"), [(0, 0.93), (0, None), (0, math.nan), (2, 103.0), (3, 1.0)]
)
def test_a_metric_out_of_tolerance_differs(root: Path, row: int, value: float | None) -> None:
    rows = list(ROWS)
    rows[row] = rows[row] | {"value": value}
    _report(root, rows, versions={"torch": "0"})
    verdict = verify("wiki", root)
    assert (verdict.status, verdict.exit_code) == ("differs", 1)
    assert list(_statuses(verdict.metrics).values()) == ["differs"]


def test_the_tolerance_can_be_given(root: Path) -> None:
    _report(root, [ROWS[0] | {"value": 0.93}, *ROWS[1:]], versions={"torch": "0"})
    assert verify("wiki", root, tolerance=Tolerance(absolute=0.05)).exit_code == 0


def test_missing_and_new_rows_and_artifacts(root: Path) -> None:
    shutil.rmtree(root / "artifacts" / MODEL)
    _artifact(root, "wiki/model/wiki/gpt", "weights")
    _report(root, [*ROWS[1:], _row(representation="gpt")])
    verdict = verify("wiki", root)
    assert verdict.exit_code == 1
    assert _statuses(verdict.artifacts) == {MODEL: "missing", "wiki/model/wiki/gpt": "new"}
    assert sorted(_statuses(verdict.metrics).values()) == ["missing", "new"]


def test_what_is_only_new_does_not_fail(root: Path) -> None:
    _artifact(root, "wiki/model/wiki/gpt", "weights")
    _report(root, [*ROWS, _row(representation="gpt")])
    assert verify("wiki", root).status == "identical"


def test_a_damaged_artifact_is_not_taken_for_the_committed_one(root: Path) -> None:
    (root / "artifacts" / MODEL / "weights").write_text("Weights")
    _report(root, ROWS, hardware={"cpu": "another"})
    verdict = verify("wiki", root)
    assert verdict.exit_code == 1
    (item,) = [item for item in verdict.artifacts if item.status != "identical"]
    assert item.name == MODEL and "weights: differs from its manifest" in item.detail


def test_rows_with_equal_keys_are_compared_one_by_one(root: Path) -> None:
    git = ["git", "-C", str(root), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    _report(root, [*ROWS, _row(value=0.1)])
    subprocess.run([*git, "commit", "-qam", "twice"], check=True)
    assert verify("wiki", root).status == "identical"
    _report(root, [*ROWS, _row(value=0.2)])
    assert verify("wiki", root).exit_code == 1
    assert verify("wiki", root, against="HEAD~1").exit_code == 0


def test_explanations_name_threads_and_versions_but_no_harmless_setting(root: Path) -> None:
    runtime = {"num_threads": 4, "tracking": "off"}
    _report(
        root, ROWS, params={"runtime": runtime}, versions={"torch": "0"}, hardware={"memory_gib": 3}
    )
    verdict = verify("wiki", root)
    lines = verdict.differences
    assert lines[0] == "params: runtime.num_threads: 2 -> 4"
    assert lines[1].startswith("versions: torch: ") and len(lines) == 2
    assert (verdict.status, verdict.changes) == ("identical", [])


def test_memory_explains_no_other_bytes(root: Path) -> None:
    _artifact(root, MODEL, "weights in other bits")
    _report(root, ROWS, hardware={"memory_gib": 3})
    assert verify("wiki", root).exit_code == 1


def test_other_params_make_another_experiment(root: Path) -> None:
    _artifact(root, MODEL, "weights in other bits")
    _report(root, ROWS, params={"seed": 2}, hardware={"cpu": "another"})
    verdict = verify("wiki", root)
    assert (verdict.status, verdict.exit_code) == ("differs", 1)
    assert verdict.changes == ["params: seed: 1 -> 2"]
    assert "not the committed experiment:\n  params: seed: 1 -> 2" in verdict.summary()


def test_summary_counts_first_then_names_what_differs(root: Path) -> None:
    _report(root, [ROWS[0] | {"value": 0.5}, *ROWS[1:]])
    first, _, head, artifacts, metrics, *rest = verify("wiki", root).summary().splitlines()
    assert first == "wiki against HEAD: differs"
    assert head.split() == ["identical", "within", "tolerance", "differs", "missing", "new"]
    assert artifacts.split() == ["artifacts", "3", "0", "0", "0", "0"]
    assert metrics.split() == ["metrics", "3", "0", "1", "0", "0"]
    assert rest[:2] == ["", "differs:"]
    assert "representation=bert task=upos" in rest[2] and "metric=accuracy" in rest[2]
    assert rest[2].endswith("  0.9 -> 0.5") and "null" not in rest[2] and "None" not in rest[2]
    assert len(rest) == 3


def _not_committed(root: Path) -> None:
    git = ["git", "-C", str(root), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run([*git, "rm", "-rq", "--cached", "reports"], check=True)
    subprocess.run([*git, "commit", "-qm", "gone"], check=True)


def _no_checkout(root: Path) -> None:
    shutil.rmtree(root.parent / ".git")


def _no_rerun(root: Path) -> None:
    (root / "reports/wiki/results.parquet").unlink()


@pytest.mark.parametrize("damage", [_not_committed, _no_checkout, _no_rerun])
def test_nothing_to_compare_is_one_line_with_a_mend(
    root: Path, damage: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(root.parent.parent))
    damage(root)
    with pytest.raises(PolysemeError, match="make repro EXPERIMENT=wiki") as caught:
        verify("wiki", root)
    assert "reports/wiki" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("manifest.json", "{"),
        ("manifest.json", "[]"),
        ("manifest.json", '{"params": {}}'),
        ("results.parquet", "PAR1 cut off"),
    ],
)
def test_an_unreadable_report_is_an_integrity_error(root: Path, name: str, content: str) -> None:
    (root / "reports/wiki" / name).write_text(content)
    with pytest.raises(IntegrityError, match=f"{name}: is not readable"):
        verify("wiki", root)
