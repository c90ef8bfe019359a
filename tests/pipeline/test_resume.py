"""kill -9 in the middle: the next `dvc repro` ends with the bytes of an uninterrupted run."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.pipeline.conftest import Project

pytestmark = pytest.mark.pipeline

MODEL = "model/controlled/bert"
QUICK = ("runtime.progress=false", "runtime.checkpoint_seconds=0.1", "lm.bert.dropout=0.1")


def _steps(project: Project) -> list[int]:
    notes = (project.folder / ".polyseme/scratch").rglob("*.json")
    return [int(note.stem) for note in notes if note.stem.isdigit()]


def _flip_a_byte_of_the_newest_checkpoint(project: Project) -> None:
    notes = [n for n in (project.folder / ".polyseme/scratch").rglob("*.json") if n.stem.isdigit()]
    newest = max(notes, key=lambda note: int(note.stem)).with_suffix(".safetensors")
    content = bytearray(newest.read_bytes())
    content[-3] ^= 4
    newest.write_bytes(bytes(content))


def test_pre_training_killed_twice_ends_with_the_same_bytes(
    prepared: Project, tmp_path: Path
) -> None:
    """After the second kill the newest checkpoint is damaged as well: the one before is used."""
    overrides = [*QUICK, "runtime.precision=fp32", "lm.bert.budget=100_000"]
    whole, killed = prepared.fork(tmp_path / "whole"), prepared.fork(tmp_path / "killed")
    for project in (whole, killed):
        project.compose(*overrides)
    whole.repro("--no-run-cache", "pretrain")
    for _ in range(2):
        before = max(_steps(killed), default=0)
        killed.kill_when(
            lambda before=before: len([s for s in _steps(killed) if s > before]) > 1, "pretrain"
        )
        assert not (killed.folder / "artifacts/smoke" / MODEL).exists()
    _flip_a_byte_of_the_newest_checkpoint(killed)
    done = killed.repro("--no-run-cache", "pretrain")
    assert "continuing at step" in done.stderr
    assert "is damaged: trying the one before" in done.stderr
    assert killed.manifest(MODEL) == whole.manifest(MODEL)


@pytest.fixture(scope="module")
def trained(prepared: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A model is there."""
    project = prepared.fork(tmp_path_factory.mktemp("trained") / "polyseme")
    project.compose(*QUICK, "runtime.precision=fp32")
    project.repro("pretrain")
    return project


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_fine_tuning_killed_between_and_inside_cells_ends_with_the_same_bytes(
    trained: Project, tmp_path: Path, precision: str
) -> None:
    whole = trained.fork(tmp_path / "whole")
    whole.compose(*QUICK, f"runtime.precision={precision}")
    killed = whole.fork(tmp_path / "killed")
    target = "finetune@controlled-bert"
    whole.repro("--no-run-cache", target)
    cells = killed.folder / ".polyseme/cells"
    killed.kill_when(lambda: len(list(cells.glob("*.json"))) > 2, target)
    finished = {p.name: p.stat().st_mtime_ns for p in cells.glob("*.json")}
    assert not (killed.folder / "artifacts/smoke/finetune/controlled/bert").exists()
    killed.repro("--no-run-cache", target)
    assert killed.manifest("finetune/controlled/bert") == whole.manifest("finetune/controlled/bert")
    assert all((cells / name).stat().st_mtime_ns == time for name, time in finished.items())
