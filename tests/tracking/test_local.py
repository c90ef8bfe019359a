"""Local history: complete, readable and stable without W&B."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from polyseme.tracking import launch
from polyseme.tracking.local import EVENTS, Tracker, open_tracker, run_id

PARAMS = {"lm": {"bert": {"num_layers": 2, "betas": [0.9, 0.98]}}, "seed": 1}


def _open(root: Path, mode: Any = "off", params: Any = PARAMS) -> Tracker:
    return open_tracker(
        root, experiment="wiki", stage="pretrain@wiki-bert", params=params, mode=mode, tags=["t"]
    )


def _events(tracker: Tracker) -> list[dict[str, Any]]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    lines = (tracker.folder / EVENTS).read_text().splitlines()
    return [json.loads(line, parse_constant=refuse) for line in lines]


def test_history_is_complete_without_wandb(tmp_path: Path) -> None:
    table = tmp_path / "results.parquet"
    pq.write_table(pa.table({"metric": ["accuracy"], "value": [0.5]}), table)
    tracker = _open(tmp_path / "root")
    tracker.log({"loss": np.float32(0.5), "words_seen": 10}, step=1)
    tracker.log({"loss": np.array(0.25)}, step=2)
    tracker.summary({"best": 0.25, "name": "x"})
    tracker.table("the results", table)
    table.unlink()
    tracker.artifact("artifacts/corpus", "corpus", Path("artifacts/corpus"), "d1", "input")
    tracker.finish(0)
    start, *events = _events(tracker)
    assert {k: start[k] for k in ("event", "name", "group", "job_type", "tags", "config")} == {
        "event": "start",
        "name": "pretrain@wiki-bert",
        "group": "wiki",
        "job_type": "pretrain",
        "tags": ["t"],
        "config": PARAMS,
    }
    assert [event.pop("event") for event in events] == [
        "log", "log", "summary", "table", "artifact", "finish",
    ]  # fmt: skip
    assert all(event.pop("time") > 0 for event in events)
    assert events[:3] == [
        {"step": 1, "metrics": {"loss": 0.5, "words_seen": 10.0}},
        {"step": 2, "metrics": {"loss": 0.25}},
        {"values": {"best": 0.25, "name": "x"}},
    ]
    copy = pq.read_table(tracker.folder / events[3]["copy"])
    assert copy.to_pylist() == [{"metric": "accuracy", "value": 0.5}]
    assert events[4]["digest"] == "d1" and events[4]["direction"] == "input"
    assert events[5] == {"exit_code": 0}


def test_a_stage_does_not_pay_for_importing_wandb() -> None:
    code = "import sys, polyseme.tracking.local; sys.exit('wandb' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_event_is_on_disk_at_once(tmp_path: Path) -> None:
    tracker = _open(tmp_path)
    tracker.log({"loss": 1.0}, step=7)
    assert _events(tracker)[-1]["step"] == 7
    tracker.finish(0)


def test_numbers_that_json_lacks_can_be_read_back(tmp_path: Path) -> None:
    tracker = _open(tmp_path)
    values = {"a": math.nan, "b": math.inf, "c": -math.inf}
    tracker.log(values, step=0)
    tracker.summary({"deep": {"list": [math.nan, np.float64("inf")]}})
    tracker.finish(0)
    log, summary = _events(tracker)[1:3]
    assert log["metrics"] == {"a": "NaN", "b": "Infinity", "c": "-Infinity"}
    np.testing.assert_equal({k: float(v) for k, v in log["metrics"].items()}, values)
    assert summary["values"] == {"deep": {"list": ["NaN", "Infinity"]}}


def test_run_id_depends_on_experiment_stage_and_params_only() -> None:
    known = run_id("wiki", "pretrain@wiki-bert", PARAMS)
    assert known == "d04380591e1c17d3"  # ids of earlier runs must stay what they are
    assert known == run_id("wiki", "pretrain@wiki-bert", dict(reversed(PARAMS.items())))
    others = {
        run_id("demo", "pretrain@wiki-bert", PARAMS),
        run_id("wiki", "pretrain@wiki-gpt", PARAMS),
        run_id("wiki", "pretrain@wiki-bert", PARAMS | {"seed": 2}),
    }
    assert len(others | {known}) == 4


def test_each_execution_has_its_own_folder_under_one_run(tmp_path: Path) -> None:
    first, second = _open(tmp_path), _open(tmp_path)
    for tracker in (first, second):
        tracker.finish(0)
    assert first.folder.parent == second.folder.parent
    assert [first.folder.name, second.folder.name] == ["1", "2"]
    assert len(_events(first)) == len(_events(second)) == 2


def test_off_starts_no_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "start", lambda *_: pytest.fail("a mirror was started"))
    tracker = _open(tmp_path)
    tracker.finish(0)
    assert tracker.mirror is None
    assert [path.name for path in tracker.folder.iterdir()] == [EVENTS]


@pytest.fixture
def spawned(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[dict[str, Any]]:
    """Start nothing; keep what would have been started. No W&B key anywhere."""
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(
        launch.subprocess, "Popen", lambda command, **kw: calls.append({"command": command} | kw)
    )
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return calls


def test_online_without_a_key_warns_in_one_line_and_goes_offline(
    tmp_path: Path, spawned: list[dict[str, Any]], capfd: pytest.CaptureFixture[str]
) -> None:
    _open(tmp_path / "root", "online").finish(0)
    assert spawned[0]["command"][-2:] == ["--mode", "offline"]
    warning = capfd.readouterr().err
    assert "WANDB_API_KEY" in warning and warning.count("\n") == 1


@pytest.mark.parametrize("kind", ["variable", "login", "own server"])
def test_online_with_a_key_stays_online(
    tmp_path: Path, spawned: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    if kind == "variable":
        monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    elif kind == "login":
        (tmp_path / "netrc").write_text("machine api.wandb.ai login user password secret\n")
    else:
        (tmp_path / "netrc").write_text("machine wandb.local:80 login user password secret\n")
        (tmp_path / "config" / "wandb").mkdir(parents=True)
        settings = tmp_path / "config" / "wandb" / "settings"
        settings.write_text("[default]\nbase_url = http://wandb.local:80\n")
    _open(tmp_path / "root", "online").finish(0)
    assert spawned[0]["command"][-1] == "online"


def test_mirror_sees_no_variable_that_it_does_not_need(
    tmp_path: Path, spawned: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_PLANTED", "xyzzy-5f1d")
    monkeypatch.setenv("WANDB_ENTITY", "team")
    _open(tmp_path, "offline").finish(0)
    assert "xyzzy-5f1d" not in spawned[0]["env"].values()
    assert spawned[0]["env"]["WANDB_ENTITY"] == "team"


def test_a_mirror_that_cannot_start_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(launch.sys, "executable", str(tmp_path / "no-python"))
    tracker = _open(tmp_path, "offline")
    tracker.finish(0)
    assert len(_events(tracker)) == 2
    assert capfd.readouterr().err.count("\n") == 1
