"""A sweep with a real model, end to end, in a copy of the project."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.pipeline.conftest import Project

pytestmark = pytest.mark.pipeline

SWEEP = """
experiment: smoke
corpus: controlled
sampler: grid
trials: 2
overrides: [runtime.tracking=off, runtime.num_threads=1, "seeds=[0]", lm.bert.budget=8000]
tasks: [senses]
strategies: [full]
objectives:
  accuracy:
    goal: maximize
    rows: {stage: finetune, task: senses, split: valid, metric: accuracy}
families:
  bert:
    model: bert
    stages: [pretrain, finetune]
    space:
      strategy.full.head_lr: {choices: [0.01, 0.03]}
"""
RUN = ("python", "-m", "polyseme.cli", "sweep")


def _bytes(folder: Path) -> dict[str, str]:
    kept = ("artifacts", "conf", "params.yaml", "dvc.lock")
    files = [p for name in kept for p in [folder / name, *(folder / name).rglob("*")]]
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in files if p.is_file()}


def test_a_sweep_trains_what_the_pipeline_would_and_leaves_the_project_as_it_is(
    prepared: Project, tmp_path: Path
) -> None:
    project = prepared.fork(tmp_path / "project")
    (project.folder / "conf/sweep/tiny.yaml").write_text(SWEEP)
    before = _bytes(project.folder)
    assert "--yes begins unasked" in project.call(*RUN, "tiny", check=False).stderr
    done = project.call(*RUN, "tiny", "--yes")
    assert "to do: 2 trials" in done.stdout
    assert _bytes(project.folder) == before
    report = project.folder / "reports/sweeps/tiny"
    rows = pq.read_table(report / "trials.parquet").to_pylist()
    assert [(r["state"], json.loads(r["params"])) for r in rows] == [
        ("complete", {"strategy.full.head_lr": lr}) for lr in (0.01, 0.03)
    ]
    stages = project.folder / ".polyseme/sweeps/stages"
    models = [m for m in stages.glob("*/artifacts/smoke/model/controlled/bert") if m.is_dir()]
    models = [model for model in models if not model.is_symlink()]
    assert len(models) == 1  # pre-training is the same in both
    again = project.call(*RUN, "tiny")
    assert "to do: 0 trials" in again.stdout

    project.compose("seeds=[0]", "lm.bert.budget=8000")
    project.repro("pretrain")
    own = (models[0] / "sha256.json").read_text()
    assert own == project.manifest("model/controlled/bert")
    promoted = project.call("python", "-m", "polyseme.cli", "sweep-promote", "tiny", "--yes")
    assert "+  full: {epochs: 1, head_lr: 0.0" in promoted.stdout or "the same" in promoted.stdout
