"""The guard around a stage, in a small DVC project of its own."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest

from polyseme.runtime.stage import trained_by

BODY = """
import errno, os, sys, time
from pathlib import Path
from polyseme.errors import DataError
from polyseme.runtime import manifest
from polyseme.runtime.stage import Stage, run

def main(stage: Stage) -> None:
    out = stage.output(Path("artifacts/toy/thing/it"))
    (out / "half.txt").write_text("half")
    Path("alive").write_text(str(os.getpid()))
    kind = stage.params["kind"]
    if kind == "data": raise DataError("is torn", where="file.txt:3", mend="glue it")
    if kind == "disk": raise OSError(errno.ENOSPC, "No space left on device")
    if kind == "defect": raise ZeroDivisionError("oops")
    if kind == "undeclared": stage.params["secret"]
    if kind == "sleep": (stage.scratch / "work").write_text("kept"); time.sleep(60)
    if kind == "damaged": stage.input(Path("artifacts/toy/thing/other"))
    if kind == "mismatch":
        before = Path("artifacts/toy/thing/before")
        before.mkdir(parents=True, exist_ok=True)
        (before / "weights").write_bytes(bytes(100))
        manifest.write(before, stage="x", inputs={})
        (before / "weights").write_bytes(bytes(99) + b"!")
        stage.input(before)
    (out / "whole.txt").write_text(kind)

run(main, "experiment")
"""
DVC_YAML = """
stages:
  it:
    cmd: python body.py toy
    params: [kind]
    outs: [artifacts/toy/thing/it, artifacts/toy/runs/it.json]
"""
PARAMS = """
kind: {kind}
secret: 1
runtime: {{accelerator: cpu, num_threads: 1, tracking: "off", progress: false}}
"""


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DVC project with one stage."""
    folder = tmp_path_factory.mktemp("template")
    for command in (["git", "init", "-q"], [_tool("dvc"), "init", "-q"]):
        subprocess.run(command, cwd=folder, check=True)
    (folder / "body.py").write_text(BODY)
    (folder / "dvc.yaml").write_text(DVC_YAML)
    return folder


def _tool(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def _environment() -> dict[str, str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "1"}


@pytest.fixture
def project(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    shutil.copytree(template, folder)
    monkeypatch.chdir(folder)
    return folder


def _repro(kind: str) -> subprocess.CompletedProcess[str]:
    Path("params.yaml").write_text(PARAMS.format(kind=kind))
    return subprocess.run(
        [_tool("dvc"), "repro"], capture_output=True, text=True, check=False, env=_environment()
    )


def _errors(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stderr.splitlines() if line.startswith("error:")]


def test_a_stage_leaves_whole_outputs_a_manifest_and_a_record(project: Path) -> None:
    done = _repro("fine")
    assert done.returncode == 0, done.stderr
    out = project / "artifacts/toy/thing/it"
    assert {p.name for p in out.iterdir()} == {"half.txt", "whole.txt", "sha256.json"}
    record = json.loads((project / "artifacts/toy/runs/it.json").read_text())
    assert record["stage"] == "it"
    assert record["seconds"] > 0
    (history,) = (project / ".polyseme/tracking").glob("*/1/events.jsonl")
    start = json.loads(history.read_text().splitlines()[0])
    assert start["tags"] == ["it", "toy", record["precision"]]
    assert not list(project.rglob("*.tmp-*"))
    assert "up to date" in _repro("fine").stdout


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        ("data", ["file.txt:3: is torn; glue it"]),
        ("disk", ["it: disk full; free some space"]),
        ("defect", ["ZeroDivisionError", "please report .polyseme/log/it.txt"]),
        ("undeclared", ["KeyError: 'secret'"]),
        ("damaged", ["artifacts/toy/thing/other: has no manifest"]),
        ("mismatch", ["artifacts/toy/thing/before/weights: differs from its manifest; delete"]),
    ],
)
def test_an_error_is_one_line_and_leaves_nothing_half_written(
    project: Path, kind: str, parts: list[str]
) -> None:
    done = _repro(kind)
    assert done.returncode != 0
    lines = _errors(done)
    assert len(lines) == 1
    assert all(part in lines[0] for part in parts), lines
    assert "Traceback" not in done.stderr + done.stdout
    assert not (project / "artifacts/toy/thing/it").exists()
    assert not list(project.rglob("*.tmp-*"))


@pytest.mark.parametrize(("kind", "code"), [("data", 3), ("disk", 6), ("defect", 70)])
def test_exit_codes_are_those_of_the_documentation(project: Path, kind: str, code: int) -> None:
    Path("params.yaml").write_text(PARAMS.format(kind=kind))
    done = subprocess.run(
        [sys.executable, "body.py", "toy"],
        env={**_environment(), "DVC_STAGE": "it"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == code


def test_a_stage_started_by_hand_says_how_to_start_it(project: Path) -> None:
    environment = _environment()
    environment.pop("DVC_STAGE", None)
    done = subprocess.run(
        [sys.executable, "body.py", "toy"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "make repro" in done.stderr


def _start_and_wait() -> tuple[subprocess.Popen[bytes], int]:
    Path("params.yaml").write_text(PARAMS.format(kind="sleep"))
    dvc = subprocess.Popen(
        [_tool("dvc"), "repro"], env=_environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 30
    while not list(Path(".polyseme").rglob("work")):
        assert time.monotonic() < deadline, "the stage did not start"
        time.sleep(0.1)
    return dvc, int(Path("alive").read_text())


def test_a_stage_dies_with_dvc_and_the_next_run_keeps_its_scratch(project: Path) -> None:
    dvc, stage = _start_and_wait()
    dvc.send_signal(signal.SIGKILL)
    dvc.wait()
    deadline = time.monotonic() + 10
    while psutil.pid_exists(stage):
        assert time.monotonic() < deadline, "the stage outlived dvc"
        time.sleep(0.1)
    assert not (project / "artifacts/toy/thing/it").exists()
    assert next((project / ".polyseme/scratch").rglob("work")).read_text() == "kept"
    done = _repro("fine")
    assert done.returncode == 0, done.stderr
    assert not list(project.rglob("*.tmp-*"))


def test_a_stage_dies_with_dvc_while_it_still_waits_for_its_lock(project: Path) -> None:
    """Before it reads its params: a rerun would otherwise meet it at work."""
    Path("params.yaml").write_text(PARAMS.format(kind="sleep"))
    lock = project / ".polyseme/lock/it.lock"
    lock.parent.mkdir(parents=True)
    with lock.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        dvc = subprocess.Popen([_tool("dvc"), "repro"], env=_environment())
        stage = _descendant(dvc, "body.py", lock)
        dvc.send_signal(signal.SIGKILL)
        dvc.wait()
        psutil.wait_procs([stage], timeout=5)  # less than the patience of the lock
        assert not stage.is_running()


def _descendant(dvc: subprocess.Popen[bytes], word: str, opened: Path) -> psutil.Process:
    """The process below dvc that runs `word` and has `opened` open."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for process in psutil.Process(dvc.pid).children(recursive=True):
            with suppress(psutil.Error):
                files = {Path(file.path) for file in process.open_files()}
                if process.cmdline()[1:2] == [word] and opened in files:
                    return process
        time.sleep(0.02)
    raise AssertionError("the stage did not start")


@pytest.mark.parametrize("edited", ["models/bert.py", "models/common/table.py", "training/a.py"])
def test_unfinished_work_follows_from_the_source_of_what_trains(
    tmp_path: Path, edited: str
) -> None:
    for name in ("models/bert.py", "models/common/table.py", "training/a.py", "data/text.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x = 1")
    before = trained_by(tmp_path)
    (tmp_path / "data/text.py").write_text("x = 2")
    assert trained_by(tmp_path) == before
    (tmp_path / edited).write_text("x = 2")
    assert trained_by(tmp_path) != before


def test_two_runs_of_one_stage_do_not_race(project: Path) -> None:
    dvc, _ = _start_and_wait()
    try:
        other = subprocess.run(
            [sys.executable, "body.py", "toy"],
            env={**_environment(), "DVC_STAGE": "it"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert other.returncode == 7
        assert "is already running as process" in other.stderr
    finally:
        dvc.kill()
        dvc.wait()


@pytest.mark.skipif(platform.machine() != "x86_64", reason="kernels of another processor")
@pytest.mark.parametrize("core", ["Haswell", "Nehalem"])
def test_hardware_names_the_kernels_that_an_environment_chooses(core: str) -> None:
    libraries = Path(np.__file__).parents[1] / "numpy.libs"
    if not list(libraries.glob("*openblas*")):
        pytest.skip("numpy multiplies by another library than OpenBLAS here")
    code = "from polyseme.runtime import settings; print(settings.hardware()['blas'])"
    environment = os.environ | {"OPENBLAS_CORETYPE": core}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"openblas {core}"
