"""What dvc.yaml declares, without running anything."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("stage", ["static", "pretrain"])
def test_every_stage_that_makes_a_model_depends_on_the_file_of_the_model(stage: str) -> None:
    declared = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"][stage]
    assert "src/polyseme/models/${item.model}.py" in declared["deps"]


@pytest.mark.parametrize("stage", ["finetune", "probe", "intrinsic"])
def test_every_stage_that_reads_a_model_depends_on_its_artifact(stage: str) -> None:
    declared = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"][stage]
    assert "artifacts/${experiment}/model/${item.corpus}/${item.model}" in declared["deps"]


@pytest.mark.parametrize("stage", ["static", "pretrain", "external"])
def test_the_artifact_of_a_model_notes_the_source_of_its_module(stage: str) -> None:
    assert "stage.made_by(module)" in (ROOT / "pipelines" / f"{stage}.py").read_text()
