"""Slurm: the script, its submission, its errors, and a command that was killed while it waited."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.executors.conftest import Cluster

from polyseme import cli
from polyseme.errors import ConfigError
from polyseme.executors import base
from polyseme.executors.base import Command
from polyseme.executors.common.submitting import FOLDER, JobError
from polyseme.executors.slurm import Executor

FULL = {
    "module": "slurm", "partition": "gpu,long", "account": "nlp", "qos": "high",
    "constraint": "a100|h100", "time_minutes": 90, "cpus": 6, "gpus": 2, "mem_gb": 12.5,
    "array_parallelism": 2, "signal_seconds": 60, "setup": ["module load cuda/12"],
    "sbatch": {"exclude": "node7", "exclusive": True},
}  # fmt: skip
PYTHON = sys.executable
TIMEOUT = 60


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Executor, "poll_seconds", 0.1)


def _python(code: str, title: str = "x", **environment: str) -> Command:
    return Command((PYTHON, "-c", code), title, environment)


def _run(commands: list[Command], **values: Any) -> int:
    def here() -> int:
        raise AssertionError("nothing runs here")

    made = base.make({"module": "slurm", "signal_seconds": 6} | values)
    return made.run(commands, key="test", here=here)


def wait_for(due: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not due():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_script_has_every_option_and_needs_no_slurm(in_tmp: Path) -> None:
    commands = [Command(("polyseme", "sweep", "x"), f"worker {n}", {"N": "1"}) for n in range(3)]
    lines = base.make(FULL).text(commands).splitlines()
    assert lines[:4] == [*(f"# task {n}: N=1 polyseme sweep x" for n in range(3)), "#!/bin/bash"]
    assert {line.removeprefix("#SBATCH --") for line in lines if line.startswith("#SBATCH")} == {
        "account=nlp",
        "array=0-2%2",
        "constraint='a100|h100'",
        "cpus-per-task=6",
        f"error={in_tmp / FOLDER}/%A_%a_0_log.err",
        "exclude=node7",
        "exclusive",
        "gpus-per-node=2",
        "job-name=polyseme",
        "mem=12800MB",
        "nodes=1",
        "ntasks-per-node=1",
        "open-mode=append",
        f"output={in_tmp / FOLDER}/%A_%a_0_log.out",
        "partition=gpu,long",
        "qos=high",
        "requeue",
        "signal=USR2@60",
        "time=90",
        "wckey=submitit",
    }
    at = lines.index("module load cuda/12")
    assert lines[at - 1] == "# setup"
    command = next(line for line in lines[at:] if line.startswith("srun "))
    assert command.endswith(f"{PYTHON} -u -m submitit.core._submit {in_tmp / FOLDER}")
    assert list(in_tmp.iterdir()) == []


def test_what_is_not_set_is_left_to_the_cluster(in_tmp: Path) -> None:
    text = base.make({"module": "slurm"}).text([Command(("true",), "x")])
    for option in ("partition", "account", "qos", "constraint", "gpus", "array", "setup"):
        assert option not in text


@pytest.mark.parametrize("number", [1, 3])
def test_a_dry_run_tells_the_very_bytes_that_sbatch_is_given(
    cluster: Cluster, in_tmp: Path, number: int
) -> None:
    commands = [_python(f"open('done{n}', 'w')", title=f"c{n}") for n in range(number)]
    values = {key: value for key, value in FULL.items() if key != "setup"}
    told = base.make(values).text(commands)
    assert _run(commands, **values) == 0
    assert all((in_tmp / f"done{n}").exists() for n in range(number))
    (given,) = cluster.scripts
    assert re.sub(r"\A(# task .*\n)+", "", told) == given


def test_a_job_sees_nothing_of_the_scheduler_but_its_own_variables(
    cluster: Cluster, in_tmp: Path
) -> None:
    code = "import json, os; json.dump(dict(os.environ), open('seen', 'w'))"
    _run([_python(code, MINE="7")])
    seen = json.loads((in_tmp / "seen").read_text())
    assert seen["MINE"] == "7"
    assert seen["PATH"].startswith(f"{Path(PYTHON).parent}:")
    assert not [key for key in seen if key.startswith(("SLURM", "SUBMITIT"))]


def test_all_jobs_are_waited_for_and_the_failed_one_is_told_with_its_line_and_code(
    cluster: Cluster, in_tmp: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    failing = "import sys; print('error: conf/x: no', file=sys.stderr); sys.exit(3)"
    slow = "import time; time.sleep(1); open('done', 'w')"
    with pytest.raises(JobError) as caught:
        _run([_python(failing, "bad"), _python(slow, "good")])
    assert (in_tmp / "done").exists()
    assert caught.value.exit_code == 3
    assert re.match(r"job \d+_0 \(bad\): conf/x: no; its log is .*log.err$", str(caught.value))
    shown = capsys.readouterr().err
    assert "good: done" in shown
    assert "bad: conf/x: no" in shown
    assert not list((in_tmp / FOLDER).glob("test.json"))


def test_a_cancelled_job_is_told(cluster: Cluster, in_tmp: Path) -> None:
    code = "import os, subprocess, time; subprocess.run(['scancel', os.environ['JOB']])"
    with pytest.raises(JobError, match=r"\(x\): ended as CANCELLED; its log is"):
        _run([_python(code + "; time.sleep(60)")], setup=["export JOB=$SLURM_JOB_ID"])


def test_what_sbatch_refuses_is_one_line(cluster: Cluster, in_tmp: Path) -> None:
    with pytest.raises(ConfigError, match=r"^sbatch: .*invalid partition.*; see conf/executor"):
        _run([_python("pass")], partition="nosuch")


def test_jobs_of_a_killed_command_are_followed_before_new_ones_are_submitted(
    cluster: Cluster, in_tmp: Path
) -> None:
    first = "import pathlib, time\nwhile not pathlib.Path('go').exists(): time.sleep(.05)\n"
    first += "pathlib.Path('first').touch()"
    code = (
        f"from polyseme.executors import base; c = base.Command({(PYTHON, '-c', first)}, 'one')\n"
    )
    code += "base.make({'module': 'slurm'}).run([c], key='test', here=lambda: 0)"
    killed = subprocess.Popen([PYTHON, "-c", code])
    wait_for((in_tmp / FOLDER / "test.json").exists)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not (in_tmp / "first").exists()
    (in_tmp / "go").touch()
    _run([_python("import pathlib; assert pathlib.Path('first').exists()", "two")])
    assert len(cluster.scripts) == 2


def test_repro_tells_each_phase_and_starts_nothing(
    in_tmp: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (in_tmp / "params.yaml").write_text(
        "{dataset: {d: {}}, corpus: {c: {}}, task: {a: {}, b: {}}, corpora: [c], statics: [s],"
        " lms: [m], externals: [], stacked: [], runtime: {}, executor: {module: slurm, cpus: 3}}"
    )
    with pytest.raises(SystemExit, match="0"):
        cli.main(["repro", "--dry-run"])
    shown = capsys.readouterr().out
    assert re.findall(r"# phase (\d) of 4, .*jobs: (\d)", shown) == [
        *zip("1234", "1221", strict=True)
    ]
    words = [line.partition("repro")[2].split() for line in shown.splitlines() if "# task" in line]
    ends = ("invariance", "finetune", "probe", "intrinsic")
    assert words == [
        ["--single-item", "fetch@d", "corpus@c"],
        ["--single-item", "task@a"],
        ["--single-item", "task@b"],
        ["--single-item", "static@c-s", *(f"{end}@c-s" for end in ends)],
        ["--single-item", "pretrain@c-m", *(f"{end}@c-m" for end in ends)],
        [],
    ]
    assert shown.count("#SBATCH --cpus-per-task=3") == 4
    assert [path.name for path in in_tmp.iterdir()] == ["params.yaml"]
