"""The scheduler's signal: what trains saves and ends, the job comes back, with the same bytes."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from omegaconf import OmegaConf
from tests.executors import training_project
from tests.executors.conftest import Cluster

from polyseme import repro
from polyseme.data.tokenizer import WordPieces
from polyseme.executors import base, slurm
from polyseme.executors.base import Command
from polyseme.executors.common.submitting import JobError, Submitting
from polyseme.runtime import manifest

PYTHON = sys.executable
TIMEOUT = 300


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (Submitting, slurm.Executor):
        monkeypatch.setattr(kind, "poll_seconds", 0.1)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, pieces: WordPieces) -> str:
    """Hash of the weights of an uninterrupted run."""
    return training_project.whole(tmp_path_factory.mktemp("whole") / "run", pieces)


@pytest.fixture
def project(
    tmp_path: Path, pieces: WordPieces, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The project as working directory."""
    folder = training_project.make(tmp_path / "project", pieces)
    monkeypatch.chdir(folder)
    return folder


def _wait_for(due: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not due():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _meanwhile(due: Callable[[], bool], act: Callable[[], None]) -> threading.Thread:
    """Do something as soon as it is due."""
    thread = threading.Thread(target=lambda: (_wait_for(due), act()), daemon=True)
    thread.start()
    return thread


def _steps(folder: Path) -> list[int]:
    notes = folder / "steps"
    return [int(line) for line in notes.read_text().split()] if notes.exists() else []


def _preempt_local() -> None:
    """Signal the process that submitit runs the job in."""
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if "submitit.core._submit" in process.cmdline():
                process.send_signal(signal.SIGUSR2)


def _preempt_slurm(cluster: Cluster) -> None:
    """Signal every process of the job at once."""
    (job,) = cluster.home.glob("*.node")
    cluster.signal(job.stem, signal.SIGUSR2)


def _logs() -> str:
    return "".join(log.read_text() for log in Path(".polyseme/jobs").rglob("*_log.*"))


def _require_continued_at_once(folder: Path, log: str) -> None:
    """No step was lost, though only the signal can have saved one."""
    assert _steps(folder) == list(range(training_project.STEPS))
    (step,) = re.findall(r"continuing at step (\d+)", log)
    assert 0 < int(step) < training_project.STEPS


@pytest.mark.parametrize("kind", ["local", "slurm"])
def test_a_stage_saves_is_put_in_line_again_and_ends_with_the_same_bytes(
    project: Path, cluster: Cluster, whole: str, kind: str
) -> None:
    params = training_project.params({"module": kind, "signal_seconds": 90})
    (project / "params.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create(params)))
    subprocess.run([PYTHON, "-m", "dvc", "init", "--no-scm", "--quiet"], check=True)
    act = _preempt_local if kind == "local" else lambda: _preempt_slurm(cluster)
    thread = _meanwhile(lambda: len(_steps(project)) > 5, act)
    assert repro.repro(1) == 0
    thread.join()
    log = _logs()
    assert re.search(r"error: step \d+: preempted; its state is saved", log)
    assert "Requeued job" in log
    _require_continued_at_once(project, log)
    weights = project / training_project.MODEL / "weights.safetensors"
    assert manifest.sha256(weights) == whole


def test_a_worker_of_a_sweep_gives_its_trial_back_and_continues_it(
    project: Path, whole: str
) -> None:
    words = (PYTHON, "-m", "tests.executors.training_project", str(project))
    thread = _meanwhile(lambda: len(_steps(project)) > 5, _preempt_local)
    executor = base.make({"module": "local", "signal_seconds": 90})
    assert executor.run([Command(words, "worker 1")], key="x", here=lambda: 7) == 0
    thread.join()
    assert re.search(r"trial 1: loss \d", _logs())  # trial 0 was given back
    (stage,) = Path(".polyseme/sweeps/stages").iterdir()
    _require_continued_at_once(project, (stage / "log.txt").read_text())
    weights = stage / training_project.MODEL / "weights.safetensors"
    assert manifest.sha256(weights) == whole


def test_a_terminated_job_saves_and_waits_for_its_end_so_that_slurm_runs_it_again(
    cluster: Cluster, in_tmp: Path
) -> None:
    code = "import os, signal, sys, time; os.path.exists('saved') and sys.exit()\n"
    code += "signal.signal(signal.SIGUSR2, lambda *_: (open('saved', 'w'), sys.exit(8)))\n"
    code += "open('ready', 'w')\ntime.sleep(300)"

    def take_the_machine() -> None:
        (job,) = cluster.home.glob("*.node")
        cluster.signal(job.stem, signal.SIGTERM)
        _wait_for((in_tmp / "saved").exists)
        _wait_for(lambda: len(cluster.step(job.stem)) == 1)  # the job without its command
        assert cluster.state(job.stem) == "RUNNING"
        (cluster.home / f"{job.stem}.requeue").touch()
        cluster.signal(job.stem, signal.SIGKILL)

    thread = _meanwhile((in_tmp / "ready").exists, take_the_machine)
    executor = base.make({"module": "slurm", "signal_seconds": 60})
    command = Command((PYTHON, "-c", code), "x")
    assert executor.run([command], key="x", here=lambda: 7) == 0
    thread.join()


def test_a_job_that_reaches_its_limit_too_often_is_told(in_tmp: Path) -> None:
    code = "import signal, time; signal.signal(signal.SIGUSR2, signal.SIG_DFL)\n"
    code += "print(1, file=open('starts', 'a'))\ntime.sleep(300)"
    values = {"module": "local", "time_minutes": 1, "signal_seconds": 57, "requeues": 1}
    with pytest.raises(JobError, match=r"\(x\): reached its time limit too often; its log is"):
        base.make(values).run([Command((PYTHON, "-c", code), "x")], key="x", here=lambda: 7)
    assert (in_tmp / "starts").read_text().split() == ["1", "1"]
