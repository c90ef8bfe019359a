"""Local jobs: a tiny sweep for real, and nothing that outlives the command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from optuna.trial import TrialState
from tests.sweeps import toy
from tests.sweeps.conftest import project  # noqa: F401 - a fixture

from polyseme.executors import base
from polyseme.executors.base import Command
from polyseme.executors.common.submitting import JobError, Submitting

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


def test_two_workers_of_a_sweep_are_local_jobs_and_share_its_trials(
    project: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PYTHONPATH", f"{toy.ROOT / 'src'}{os.pathsep}{toy.ROOT}")
    values = toy.conf(trials=4)
    given = json.dumps({"conf": values, "url": "", "seconds": 0.6})
    words = (PYTHON, "-m", "tests.sweeps.toy", str(project), given)
    workers = [Command(words, f"worker {number}") for number in (1, 2)]
    assert base.make(LOCAL).run(workers, key="test", here=lambda: 7) == 0
    study = toy.opened(toy.read(values), project, seconds=0.6)["a"]
    trials = study.get_trials(states=(TrialState.COMPLETE,))
    assert len(trials) == 4
    assert len({trial.user_attrs["owner"]["pid"] for trial in trials}) == 2
    shown = capsys.readouterr().err
    assert all(f"worker {number}: done" in shown for number in (1, 2))


def test_a_failed_job_is_told_with_its_line_and_code(in_tmp: Path) -> None:
    code = "import sys; print('error: pretrain@c-m: loss is nan'); sys.exit(5)"
    with pytest.raises(JobError, match=r"\(worker 1\): pretrain@c-m: loss is nan; its log") as told:
        base.make(LOCAL).run([Command((PYTHON, "-c", code), "worker 1")], key="x", here=lambda: 0)
    assert told.value.exit_code == 5


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
