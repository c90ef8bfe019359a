"""A DVC remote, and what a stage with a mirror leaves behind."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tests.pipeline.conftest import Project, _processes_in
from tests.pipeline.test_dvc import PLANTED

pytestmark = pytest.mark.pipeline


def test_what_was_pushed_is_pulled_elsewhere_and_nothing_runs(
    prepared: Project, tmp_path: Path
) -> None:
    project = prepared.fork(tmp_path / "here")
    project.call("dvc", "remote", "add", "-d", "folder", str(tmp_path / "remote"))
    project.call("git", "config", "user.email", "a@b.c")
    project.call("git", "config", "user.name", "a")
    project.call("git", "add", "-A")
    project.call("git", "commit", "-q", "-m", "prepared")
    stages = ("corpus", "task")
    project.call("dvc", "push", *stages)
    project.call("git", "clone", "-q", str(project.folder), str(tmp_path / "there"))
    there = Project(tmp_path / "there")
    assert not (there.folder / "artifacts").exists()
    there.call("dvc", "pull", *stages)
    card = "artifacts/smoke/corpus/controlled/sha256.json"
    assert (there.folder / card).read_bytes() == (project.folder / card).read_bytes()
    done = there.repro(*stages)
    assert "Running stage" not in done.stdout and "up to date" in done.stdout
    there.repro("static@controlled-random")  # what was pulled can be worked with


def test_a_mirrored_stage_writes_nothing_of_its_environment(
    prepared: Project, tmp_path: Path
) -> None:
    project = prepared.fork(tmp_path / "polyseme")
    project.environment |= PLANTED
    project.compose("runtime.tracking=offline")
    project.repro("static@controlled-random")
    deadline = time.monotonic() + 120
    while _processes_in(project.folder):
        assert time.monotonic() < deadline, "the mirror does not end"
        time.sleep(0.1)
    histories = project.folder / ".polyseme/tracking"
    (run,) = [path.parents[1] for path in histories.rglob("mirrored")]
    checked = project.call("python", "-m", "polyseme.tracking.check", str(run))
    assert "1 histories: 1 whole" in checked.stdout
    files = [path for path in project.folder.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} >= {".wandb", ".jsonl", ".lock", ".log"}
    assert [p for p in files if any(v.encode() in p.read_bytes() for v in PLANTED.values())] == []
