"""`polyseme repro`: which stages go together, and what a terminal sees of them."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from polyseme import cli, repro
from polyseme.errors import ConfigError
from polyseme.runtime import settings
from polyseme.runtime.console import Console
from polyseme.runtime.settings import Runtime

STAGES = 1 + len(repro.EVALUATE)
PARAMS = {
    "corpora": ["wiki"],
    "statics": ["random", "word2vec", "glove"],
    "lms": ["bert", "gpt"],
    "externals": ["hub"],
}


@pytest.mark.parametrize("jobs", [1, 2, 4, 9])
def test_every_stage_of_every_model_is_dealt_out_once_and_a_model_stays_together(jobs: int) -> None:
    dealt = repro.dealt(repro.of_models(PARAMS), jobs)
    assert len(dealt) == min(jobs, 6)
    names = [name for part in dealt for name in part]
    assert len(names) == len(set(names)) == 6 * STAGES
    for part in dealt:
        for first in range(0, len(part), STAGES):
            model = part[first : first + STAGES]
            assert [name.partition("@")[0] for name in model[1:]] == list(repro.EVALUATE)
            assert len({name.partition("@")[2] for name in model}) == 1
    made = {name.partition("@")[2]: name.partition("@")[0] for p in dealt for name in p[::STAGES]}
    assert made["wiki-glove"] == "static"
    assert made["wiki-bert"] == "pretrain"
    assert made["wiki-hub"] == "external"


@pytest.mark.parametrize(
    ("runtime", "cores", "jobs"),
    [
        ({}, 2, 1),  # two threads each
        ({"num_threads": 1}, 2, 2),
        ({"num_threads": 1}, 64, repro.MOST_JOBS),
        ({"num_threads": 2, "num_processes": 2}, 16, 4),
        ({"num_threads": 1, "num_processes": "auto"}, settings.cores(), 1),
        ({"num_threads": 4}, 2, 1),
        ({"num_threads": 1, "accelerator": "gpu"}, 16, 1),
    ],
)
def test_by_default_stages_do_not_share_cores_or_a_gpu(
    runtime: dict[str, Any], cores: int, jobs: int
) -> None:
    assert repro.room_for(Runtime(**runtime), cores) == jobs


def _python(code: str) -> subprocess.Popen[bytes]:
    run = [sys.executable, "-u", "-c", code]
    return subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("out", [io.StringIO(), Terminal()])
def test_lines_are_whole_and_bars_are_for_terminals(out: io.StringIO) -> None:
    count = "import sys; [print(f'{name}{{n}}') for n in range(200)]; "
    code = count + "sys.stdout.write('\\r50% of {name}')"
    processes = [_python(code.format(name=name)) for name in ("a", "b")]
    Console(processes, out).show()
    shown = out.getvalue().replace("\x1b[K", "").split("\n")
    lines = [line.rpartition("\r")[2] for line in shown]
    for name in ("a", "b"):
        assert [line for line in lines if line.startswith(name)] == [
            f"{name}{n}" for n in range(200)
        ]
    assert ("50% of" in out.getvalue()) == out.isatty()
    assert [process.wait() for process in processes] == [0, 0]


def test_a_failure_ends_the_show_at_once() -> None:
    processes = [_python("import time; time.sleep(60)"), _python("raise SystemExit(3)")]
    started = time.monotonic()
    Console(processes, io.StringIO()).show()
    assert time.monotonic() - started < 30
    processes[0].kill()


def test_where_one_fails_the_others_are_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import sys, time; time.sleep(60) if sys.argv[-1] == 'slow' else sys.exit(5)"
    monkeypatch.setattr(repro, "DVC", (sys.executable, "-c", code))
    started = time.monotonic()
    with pytest.raises(repro.ReproError, match="a stage failed"):
        repro.together([["slow"], ["failing"]])
    assert time.monotonic() - started < 30


@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel to end children")
@pytest.mark.parametrize("call", ["together([['x']])", "repro(1, pathlib.Path('params.yaml'))"])
def test_children_end_with_a_killed_parent(in_tmp: Path, call: str) -> None:
    note = in_tmp / "pid"
    (in_tmp / "params.yaml").write_text("runtime: {}\n")
    written = f"pathlib.Path({str(note)!r}).write_text(str(os.getpid()))"
    child = f"import os, pathlib, time; {written}; time.sleep(60)"
    command = (sys.executable, "-c", child)
    code = f"import pathlib; from polyseme import repro; repro.DVC = {command!r}; repro.{call}"
    parent = subprocess.Popen([sys.executable, "-c", code])
    while not (note.exists() and note.read_text()):
        time.sleep(0.05)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    for _ in range(200):
        try:
            os.kill(int(note.read_text()), 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("the child lives on")


def test_without_params_there_is_one_clear_line(in_tmp: Path) -> None:
    with pytest.raises(ConfigError, match="make params"):
        repro.repro(2)


@pytest.mark.parametrize("jobs", ["0", "-1", "many"])
def test_a_number_of_jobs_that_makes_no_sense_is_refused(
    jobs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(["repro", "--jobs", jobs])
    assert "at least 1" in capsys.readouterr().err


def test_phases_follow_each_other_and_a_plain_repro_comes_last(
    in_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = in_tmp / "dvc.py"
    script.write_text(
        "import sys\nprint(*sys.argv[1:], file=open('calls', 'a'))\nsys.exit('status' in sys.argv)"
    )
    monkeypatch.setattr(repro, "DVC", (sys.executable, str(script), "repro"))
    more = {"dataset": {"d": {}}, "corpus": {"wiki": {}}, "task": {"t": {}}, "stacked": ["bert"]}
    (in_tmp / "params.yaml").write_text(json.dumps(PARAMS | more | {"runtime": {}}))
    assert repro.repro(2) == 0
    calls = (in_tmp / "calls").read_text().splitlines()
    start = "repro --single-item"
    assert calls[:3] == ["status --quiet", f"{start} fetch@d corpus@wiki", f"{start} task@t"]
    assert {call.split()[2] for call in calls[3:5]} == {
        "static@wiki-random",
        "static@wiki-word2vec",
    }
    assert calls[5:] == [f"{start} stack@wiki-bert", "repro"]
