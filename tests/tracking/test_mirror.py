"""The mirror equals the local history, ends with its stage, and never disturbs it."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from wandb.proto.wandb_internal_pb2 import Record

from polyseme.tracking import launch, mirror, writer
from polyseme.tracking.local import EVENTS, Tracker, open_tracker

SECRET = "xyzzy-7c1e09"
KEY = "0123456789" * 4
PARAMS = {"lm": {"bert": {"num_layers": 2}}, "seed": 1}


def _open(root: Path, mode: Any) -> Tracker:
    return open_tracker(
        root / ".polyseme" / "tracking",
        experiment="wiki",
        stage="pretrain@wiki-bert",
        params=PARAMS,
        mode=mode,
    )


def _records(root: Path) -> Iterator[Record]:
    """Records of the one offline run: LevelDB's log format after a header of 7 bytes."""
    (path,) = (root / ".polyseme" / "wandb").glob("offline-run-*/*.wandb")
    data, position, parts = path.read_bytes(), 7, b""
    while position + 7 <= len(data):
        left = 32768 - position % 32768
        if left < 7:
            position += left
            continue
        size, kind = int.from_bytes(data[position + 4 : position + 6], "little"), data[position + 6]
        parts += data[position + 7 : position + 7 + size]
        position += 7 + size
        if kind in (1, 4):  # whole record, or its last part
            yield Record.FromString(parts)
            parts = b""


def _values(items: Any) -> dict[str, Any]:
    pairs = [("/".join(item.nested_key) or item.key, json.loads(item.value_json)) for item in items]
    return {key: value for key, value in pairs if not key.startswith("_")}


def _files_with(text: str, folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file() and text.encode() in p.read_bytes()]


@dataclass
class Run:
    """A finished stage whose mirror has finished too."""

    root: Path
    tracker: Tracker
    records: list[Record]


@pytest.fixture(scope="module")
def unreachable(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tracker, float]:
    """An online stage without a server, and the seconds that its calls took; mirror still busy."""
    root = tmp_path_factory.mktemp("unreachable")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
        patch.setenv("WANDB_API_KEY", KEY)
        patch.setenv("SECRET_PLANTED", SECRET)
        started = time.monotonic()
        tracker = _open(root, "online")
        for step in range(100):
            tracker.log({"loss": 1.0}, step=step)
        tracker.finish(0)
    return tracker, time.monotonic() - started


@pytest.fixture(scope="module")
def offline(unreachable: object, tmp_path_factory: pytest.TempPathFactory) -> Run:
    root = tmp_path_factory.mktemp("offline")
    table = root / "results.parquet"
    pq.write_table(pa.table({"metric": ["f1", None], "value": [0.5, math.nan]}), table)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECRET_PLANTED", SECRET)
        tracker = _open(root, "offline")
    for step in range(50):
        tracker.log({"loss": 1 / (step + 1), "words_seen": step * 100}, step=step)
    tracker.log({"loss": math.nan, "gap": math.inf}, step=50)
    tracker.summary({"best": 0.02})
    tracker.table("results", table)
    tracker.artifact("artifacts/corpus/wiki", "corpus", Path("a"), "d1", "input")
    tracker.artifact("artifacts/model/bert", "model", Path("b"), "d2", "output")
    tracker.finish(0)
    assert tracker.mirror is not None
    assert tracker.mirror.wait(60) == 0, (tracker.folder / launch.LOG).read_text()
    return Run(root, tracker, list(_records(root)))


def test_offline_rows_equal_the_local_history(offline: Run) -> None:
    lines = (offline.tracker.folder / EVENTS).read_text().splitlines()
    local = [json.loads(line) for line in lines if '"event": "log"' in line]
    mirrored = [r.history for r in offline.records if r.WhichOneof("record_type") == "history"]
    rows = [{k: v for k, v in _values(h.item).items() if "results" not in k} for h in mirrored]
    expected = [{k: float(v) for k, v in e["metrics"].items()} for e in local]
    assert [h.step.num for h in mirrored] == [e["step"] for e in local]
    assert len(rows) == len(expected) == 51
    assert rows[:50] == expected[:50]
    assert math.isnan(rows[50]["loss"]) and rows[50]["gap"] == math.inf


def test_offline_run_has_identity_config_and_axis(offline: Run) -> None:
    run = next(r.run for r in offline.records if r.WhichOneof("record_type") == "run")
    config = {item.key: json.loads(item.value_json) for item in run.config.update}
    assert {k: v for k, v in config.items() if k != "_wandb"} == PARAMS
    assert run.run_id == offline.tracker.folder.parent.name
    assert (run.display_name, run.run_group, run.job_type, run.project, run.host) == (
        "pretrain@wiki-bert", "wiki", "pretrain", "polyseme", "",
    )  # fmt: skip
    metrics = [r.metric for r in offline.records if r.WhichOneof("record_type") == "metric"]
    assert {m.glob_name: m.step_metric for m in metrics}["*"] == "words_seen"


def test_offline_run_has_summary_table_lineage_and_exit_code(offline: Run) -> None:
    kinds = {kind: [r for r in offline.records if r.WhichOneof("record_type") == kind]
             for kind in ("summary", "artifact", "exit")}  # fmt: skip
    summary: dict[str, Any] = {}
    for record in kinds["summary"]:
        summary |= _values(record.summary.update)
    assert summary["best"] == 0.02
    assert summary["lineage"] == {
        "inputs": {"artifacts/corpus/wiki": "d1"},
        "outputs": {"artifacts/model/bert": "d2"},
    }
    (table,) = offline.root.rglob("results*.table.json")
    assert json.loads(table.read_text())["data"][0] == ["f1", 0.5]
    names = [r.artifact.name for r in kinds["artifact"] if r.artifact.type != "run_table"]
    assert names == ["artifacts-model-bert"]
    assert [r.exit.exit_code for r in kinds["exit"]] == [0]


def test_nothing_of_the_environment_is_written(offline: Run) -> None:
    assert _files_with("pretrain@wiki-bert", offline.root)
    assert _files_with(SECRET, offline.root) == []


def test_killed_stage_ends_its_mirror_with_exit_code_1(tmp_path: Path) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\n"
        "from polyseme.tracking.local import open_tracker\n"
        "t = open_tracker(Path('.polyseme/tracking'), experiment='e', stage='s', params={}, "
        "mode='offline')\n"
        "t.log({'loss': 1.0}, step=1)\nprint(t.mirror.pid, flush=True)\ntime.sleep(60)\n"
    )
    stage = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE)
    assert stage.stdout is not None
    pid = int(stage.stdout.readline())
    process = {"pid": pid, "started": psutil.Process(pid).create_time()}
    stage.send_signal(signal.SIGKILL)
    stage.communicate()
    deadline = time.monotonic() + 30
    while mirror.is_alive(process):
        assert time.monotonic() < deadline, "the mirror outlives its stage"
        time.sleep(0.1)
    records = list(_records(tmp_path))
    assert [r.exit.exit_code for r in records if r.WhichOneof("record_type") == "exit"] == [1]
    history = [r.history for r in records if r.WhichOneof("record_type") == "history"]
    assert [_values(h.item) for h in history] == [{"loss": 1.0}]


def test_unreachable_server_neither_slows_nor_stops_the_stage(
    unreachable: tuple[Tracker, float],
) -> None:
    tracker, seconds = unreachable
    assert seconds < 1
    assert tracker.mirror is not None and tracker.mirror.wait(60) == 1
    (line,) = [
        line
        for line in (tracker.folder / launch.LOG).read_text().splitlines()
        if line.startswith("W&B mirror stopped: ")
    ]
    assert str(tracker.folder) in line
    assert len((tracker.folder / EVENTS).read_text().splitlines()) == 102
    home = tracker.folder.parents[2]
    assert _files_with(SECRET, home) == _files_with(KEY, home) == []


def test_half_a_line_is_read_when_it_is_whole(tmp_path: Path) -> None:
    owner = psutil.Process()
    start = {"event": "start", "pid": owner.pid, "started": owner.create_time()}
    path = tmp_path / EVENTS
    path.write_text(json.dumps(start) + '\n{"event": "fin')
    events = mirror.follow(path)
    assert next(events) == start
    with path.open("a") as stream:
        stream.write('ish", "exit_code": 0}\n')
    assert list(events) == [{"event": "finish", "exit_code": 0}]


def test_another_process_of_the_same_number_is_not_the_stage() -> None:
    started = psutil.Process().create_time()
    assert mirror.is_alive({"pid": os.getpid(), "started": started})
    assert not mirror.is_alive({"pid": os.getpid(), "started": started - 60})


@pytest.mark.parametrize(("online", "used"), [(True, ["artifacts-in"]), (False, [])])
def test_inputs_are_used_artifacts_where_wandb_can(
    online: bool, used: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path))
    seen: dict[str, list[str]] = {"used": [], "logged": []}
    run: Any = SimpleNamespace(
        summary={},
        use_artifact=lambda artifact: seen["used"].append(artifact.name),
        log_artifact=lambda artifact: seen["logged"].append(artifact.name),
    )
    mirrored = writer.Writer(run, tmp_path, online=online)
    for direction, name in (("input", "artifacts/in"), ("output", "artifacts/out")):
        mirrored.write(
            {"event": "artifact", "name": name, "type": "corpus", "digest": "d"}
            | {"direction": direction}
        )
    assert seen == {"used": used, "logged": ["artifacts-out"]}
    assert run.summary["lineage"]["inputs"] == {"artifacts/in": "d"}
