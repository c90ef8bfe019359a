"""Local jobs: a tiny sweep for real, and nothing that outlives the command."""

from __future__ import annotations

import argparse
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState
from tests.sweeps import toy
from tests.sweeps.conftest import project  # noqa: F401 - a fixture

from polyseme import cli
from polyseme.executors import base, here
from polyseme.executors.base import Command
from polyseme.executors.common.job import Job, environment
from polyseme.executors.common.submitting import JobError, Submitting
from polyseme.sweeps import command, conf, setup

PYTHON = sys.executable
TIMEOUT = 120
LOCAL = {"module": "local", "signal_seconds": 6}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Submitting, "poll_seconds", 0.1)


def _wait_for(due: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not due():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_two_workers_of_a_sweep_are_local_jobs_share_its_trials_and_a_report_follows(
    project: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PYTHONPATH", f"{toy.ROOT / 'src'}{os.pathsep}{toy.ROOT}")
    values, seconds = toy.conf(trials=4), 0.6
    given = json.dumps({"conf": values, "url": "", "seconds": seconds})
    words = (PYTHON, "-m", "tests.sweeps.toy", str(project), given)
    families = toy.families(toy.read(values), project, seconds)
    families["a"].params["executor"] = LOCAL  # type: ignore[index]
    monkeypatch.setattr(conf, "read", lambda name: toy.read(values))
    monkeypatch.setattr(setup, "ready", lambda name, sweep, more: families)
    workers = [Command(words, f"worker {number}") for number in (1, 2)]
    monkeypatch.setattr(command, "_commands", lambda chosen, families: workers)
    with pytest.raises(SystemExit, match="0"):
        cli.main(["sweep", "toy", "--yes", "--workers", "2"])
    study = toy.opened(toy.read(values), project, seconds=seconds)["a"]
    trials = study.get_trials(states=(TrialState.COMPLETE,))
    assert len(trials) == 4
    assert len({trial.user_attrs["owner"]["pid"] for trial in trials}) == 2
    shown = capsys.readouterr()
    assert all(f"worker {number}: done" in shown.err for number in (1, 2))
    assert (project / "reports/sweeps/toy/README.md").exists()


def test_eight_workers_of_a_shipped_sweep_are_one_array_of_slurm(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(toy.ROOT)
    asked = ["sweep", "bert_lr", "--workers", "8", "--executor", "slurm", "--dry-run"]
    with pytest.raises(SystemExit, match="0"):
        cli.main([*asked, "--storage", "postgresql://me:hunter2@host/db"])
    lines = capsys.readouterr().out.splitlines()
    tasks = [line for line in lines if line.startswith("# task ")]
    run = f"{PYTHON} -m polyseme.cli sweep bert_lr --yes --as-worker"
    assert len(tasks) == 8
    assert all(run in line and "--storage" not in line for line in tasks)
    assert not any("hunter2" in line or "host/db" in line for line in lines)
    assert all(" OMP_NUM_THREADS=1 " in line for line in tasks)
    assert "#SBATCH --array=0-7%8" in lines


def test_a_job_keeps_no_password_of_the_study(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {}

    class Kept(here.Executor):
        def run(self, commands: Any, **_: Any) -> int:
            found["jobs"] = pickle.dumps([Job(c, folder=toy.ROOT, patience=1) for c in commands])
            found["seen"] = environment(commands[0].environment)["POLYSEME_STORAGE"]
            return 0

    monkeypatch.chdir(toy.ROOT)
    monkeypatch.setenv("POLYSEME_STORAGE", "")
    monkeypatch.setattr(command, "_made", lambda _: Kept(here.Config(module="here")))
    chosen = argparse.Namespace(name="x", workers=2, storage="postgresql://me:hunter2@host/db")
    monkeypatch.setattr(command, "_threads", lambda _: {"OMP_NUM_THREADS": "1"})
    assert command._workers(chosen, {}) == 0
    assert b"OMP_NUM_THREADS" in found["jobs"]
    assert b"hunter2" not in found["jobs"]
    assert found["seen"] == chosen.storage
    assert not command._given()


def test_a_failed_job_is_told_with_its_line_and_code(in_tmp: Path) -> None:
    code = "import sys; print('error: pretrain@c-m: loss is nan'); sys.exit(5)"
    with pytest.raises(JobError, match=r"\(worker 1\): pretrain@c-m: loss is nan; its log") as told:
        base.make(LOCAL).run([Command((PYTHON, "-c", code), "worker 1")], key="x", here=lambda: 0)
    assert told.value.exit_code == 5


@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel for orphans")
def test_a_job_waits_for_what_its_command_leaves_behind_such_as_a_mirror(in_tmp: Path) -> None:
    late = "import time; time.sleep(2); open('late', 'w')"
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {late!r}], "
    command = Command((PYTHON, "-c", code + "start_new_session=True)"), "x")
    assert base.make(LOCAL).run([command], key="x", here=lambda: 7) == 0
    assert (in_tmp / "late").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel to end children")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_jobs_end_with_the_command_that_submitted_them(in_tmp: Path, number: int) -> None:
    child = "import os, time; open('tmp', 'w').write(str(os.getpid())); os.rename('tmp', 'pid'); "
    words = (PYTHON, "-c", child + "time.sleep(300)")
    code = "from polyseme.executors import base; "
    code += f"base.make({LOCAL}).run([base.Command({words}, 'x')], key='x', here=lambda: 0)"
    command = subprocess.Popen([PYTHON, "-c", code], stderr=subprocess.DEVNULL)
    _wait_for((in_tmp / "pid").exists)
    command.send_signal(number)
    command.wait()
    pid = int((in_tmp / "pid").read_text())
    _wait_for(lambda: not Path(f"/proc/{pid}").exists())
