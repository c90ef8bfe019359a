"""What dvc.yaml declares, without running anything."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("stage", ["static", "pretrain", "finetune", "probe", "intrinsic"])
def test_every_stage_of_a_model_depends_on_the_file_of_the_model(stage: str) -> None:
    declared = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"][stage]
    assert "src/polyseme/models/${item.model}.py" in declared["deps"]
