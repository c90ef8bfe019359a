"""Offline runs hold what was logged, also after kills; where they do not, the check says so."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from polyseme.errors import DataError
from polyseme.tracking import check, offline
from polyseme.tracking.local import EVENTS

STAGE = """
import os, signal, sys, time
from pathlib import Path
import pyarrow as pa, pyarrow.parquet as pq
from polyseme.tracking.local import open_tracker
first, last, then = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
t = open_tracker(Path('.polyseme/tracking'), experiment='e', stage='pretrain@c-m',
                 params={'lm': {'m': {'lr': 1e-3, 'betas': [0.9, None]}}}, mode='offline')
print(t.mirror.pid, t.folder, flush=True)
for step in range(first, last):
    row = {'loss': 1 / (step + 1), 'words_seen': step * 10}
    if step % 10 == 0:
        row |= {'valid_loss': abs(step - 150) / 7, 'valid_accuracy': -abs(step - 70) / 3}
    t.log(row, step=step)
if then == 'sleep':
    time.sleep(60)
if then == 'kill':
    os.kill(os.getpid(), signal.SIGKILL)
rows = {'task': ['a'] * 9000 + ['b'] * 3000, 'value': [0.5, None, float('nan')] * 4000}
pq.write_table(pa.table(rows), 't.parquet')
Path('f.svg').write_text('<svg xmlns="http://www.w3.org/2000/svg"><title>\u2264</title></svg>')
t.log({'odd': float('-inf')}, step=last)
t.summary({'loss': 77.5, 'deep': {'er': float('nan')}})
t.table('predictions', Path('t.parquet'), groups=('task',), most=5000)
t.media('figures/f', Path('f.svg'))
t.artifact('artifacts/in', 'corpus', Path('in'), 'd1', 'input')
t.artifact('artifacts/out', 'model', Path('out'), 'd2', 'output')
t.finish(0)
"""


def _start(root: Path, *arguments: object) -> tuple[subprocess.Popen[str], int, Path]:
    """The stage, and process and folder of its mirror."""
    stage = subprocess.Popen(
        [sys.executable, "-c", STAGE, *map(str, arguments)],
        cwd=root, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert stage.stdout is not None
    pid, folder = stage.stdout.readline().split()
    return stage, int(pid), root / folder


def _wait_for(done: Any, what: str) -> None:
    deadline = time.monotonic() + 240
    while not done():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def _mirrored(folder: Path) -> Path:
    """The last W&B run that a history was mirrored into."""
    return folder.parents[2] / (folder / "mirrored").read_text().splitlines()[-1]


def _read(folder: Path) -> offline.Recorded:
    (path,) = _mirrored(folder).glob("*.wandb")
    return offline.read(path)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """A stage that kills itself in the middle, and its continuation from an earlier step."""
    root = tmp_path_factory.mktemp("run")
    started = [_start(root, 0, 120, "kill")]
    started[0][0].communicate()
    started.append(_start(root, 100, 200, "finish"))
    started[1][0].communicate()
    for _, pid, folder in started:
        _wait_for(lambda pid=pid: not psutil.pid_exists(pid), str(folder))
    return root, started[0][2], started[1][2]


@pytest.fixture
def copy(run: tuple[Path, Path, Path], tmp_path: Path) -> Path:
    """The history of the continuation in a copy of everything."""
    shutil.copytree(run[0], tmp_path / "copy")
    return tmp_path / "copy" / run[2].relative_to(run[0])


def test_a_killed_run_and_its_continuation_hold_every_row(
    run: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    root, *folders = run
    assert [check.check(folder) for folder in folders] == [[], []]
    first, second = map(_read, folders)
    assert first.run_id == second.run_id == folders[0].parent.name
    assert (first.exit_code, second.exit_code) == (1, 0)
    rows = first.rows | second.rows
    assert {step: row["loss"] for step, row in rows.items() if step < 200} == {
        step: 1 / (step + 1) for step in range(200)
    }
    assert all(same for step in range(100, 120) if (same := first.rows[step] == second.rows[step]))
    assert check.main([str(root / ".polyseme/tracking")]) == 0
    assert "2 histories: 2 whole, 0 not, 0 still running" in capsys.readouterr().out


def test_the_summary_shows_best_values_and_what_was_stated(run: tuple[Path, Path, Path]) -> None:
    summary = _read(run[2]).summary
    assert summary["valid_loss"] == {"min": 0, "last": 40 / 7}
    assert summary["valid_accuracy"]["max"] == -10
    assert summary["loss"] == 77.5  # not that of the last row
    assert summary["deep"] == {"er": "NaN"}
    assert summary["tables"] == {"predictions": {"rows": 5000, "left_out": 7000}}


def test_tables_show_as_much_of_each_group(run: tuple[Path, Path, Path]) -> None:
    (path,) = _mirrored(run[2]).rglob("predictions*.table.json")
    table = json.loads(path.read_text())
    names = [row[0] for row in table["data"]]
    assert (names.count("a"), names.count("b")) == (2500, 2500)
    assert [row[1] for row in table["data"][:2]] == [0.5, None]
    assert math.isnan(table["data"][2][1])


def test_a_figure_is_a_page_that_shows_it(run: tuple[Path, Path, Path]) -> None:
    (path,) = (_mirrored(run[2]) / "files/media/html/figures").glob("f_*.html")
    text = path.read_text(encoding="utf-8")
    assert text.endswith("<title>≤</title></svg>\n") and "charset" in text


def _edit(path: Path, change: Any) -> None:
    path.write_bytes(change(path.read_bytes()))


def _without(folder: Path, pattern: str) -> None:
    for path in list(_mirrored(folder).rglob(pattern)):
        path.unlink()


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('"loss": 0.005', '"loss": 0.006', "row of step 199: loss is 0.005, not 0.006"),
        ('"step": 199,', '"step": 299,', "row of step 299 is missing"),
        ('"loss": 77.5', '"loss": 77.25', "summary: loss is 77.5, not 77.25"),
        ('"betas": [0.9', '"betas": [0.8', "config differs"),
        ('"digest": "d1"', '"digest": "d7"', "lineage is"),
        ('"exit_code": 0', '"exit_code": 5', "exit code is 0, not 5"),
        ('"most": 5000', '"most": 4000', "table predictions differs"),
    ],
)
def test_another_local_history_is_not_what_was_mirrored(
    copy: Path, old: str, new: str, line: str
) -> None:
    text = (copy / EVENTS).read_text()
    assert old in text
    (copy / EVENTS).write_text(text.replace(old, new))
    assert any(line in found for found in check.check(copy))


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        ("*.table.json", "table predictions differs"),
        ("f_*.html", "media figures/f differs"),
        ("*.wandb", "holds no .wandb file"),
    ],
)
def test_a_lost_file_is_found(copy: Path, pattern: str, line: str) -> None:
    _without(copy, pattern)
    assert line in " ".join(check.check(copy))


def test_a_cut_file_and_a_flipped_byte_are_found(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (path,) = _mirrored(copy).glob("*.wandb")
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    assert "was cut" in check.check(copy)[0]
    path.write_bytes(whole[:3000] + bytes([whole[3000] ^ 1]) + whole[3001:])
    assert "differs from its checksum" in check.check(copy)[0]
    assert check.main([str(copy)]) == 1
    assert f"again: python -m polyseme.tracking.mirror {copy}" in capsys.readouterr().out


@pytest.mark.parametrize("change", [lambda d: b"SQLite" + d, lambda d: d[:13] + b"\x09" + d[14:]])
def test_another_format_is_one_clear_line(
    copy: Path, change: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    (path,) = _mirrored(copy).glob("*.wandb")
    _edit(path, change)
    assert check.main([str(copy)]) == DataError.exit_code
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and "is not in the format of wandb 0.31" in lines[0]


def test_what_was_never_mirrored_and_what_is_no_history_is_said(
    copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (copy / "mirrored").unlink()
    assert check.check(copy) == ["it was never mirrored"]
    (tmp_path / "none").mkdir()
    assert check.main([str(tmp_path / "none")]) == DataError.exit_code
    broken = (b"[1]\n{}\n", b"[]\n", b"\xff\n", b"[" * 100_000 + b"\n")
    for content in broken:
        (copy / EVENTS).write_bytes(content)
        assert check.main([str(copy)]) == DataError.exit_code
    assert len(capsys.readouterr().err.splitlines()) == 1 + len(broken)


def test_what_a_power_cut_loses_is_found_and_mirrored_again(tmp_path: Path) -> None:
    stage, pid, folder = _start(tmp_path, 0, 150, "sleep")
    mirror = psutil.Process(pid)

    def is_under_way() -> bool:
        return (folder / "mirrored").exists() and bool(list(_mirrored(folder).glob("*.wandb")))

    _wait_for(is_under_way, "the mirror does not begin")
    for process in [*mirror.children(recursive=True), mirror, psutil.Process(stage.pid)]:
        os.kill(process.pid, signal.SIGKILL)
    stage.communicate()
    assert "exit code is None, not 1" in check.check(folder)
    again = [sys.executable, "-m", "polyseme.tracking.mirror", str(folder), "--mode", "offline"]
    assert subprocess.run(again, check=False).returncode == 0
    assert check.check(folder) == []
    assert len(_read(folder).rows) == 150
