"""What dvc.yaml declares, without running anything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dvc.api
import pytest
import yaml
from omegaconf import OmegaConf

from polyseme.errors import ConfigError
from polyseme.runtime import declared

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("stage", ["static", "pretrain"])
def test_every_stage_that_makes_a_model_depends_on_the_file_of_the_model(stage: str) -> None:
    written = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"][stage]
    assert "src/polyseme/models/${item.model}.py" in written["deps"]


@pytest.mark.parametrize("stage", ["invariance", "finetune", "probe", "intrinsic"])
def test_every_stage_that_reads_a_model_depends_on_its_artifact(stage: str) -> None:
    written = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"][stage]
    assert "artifacts/${experiment}/model/${item.corpus}/${item.model}" in written["deps"]


@pytest.mark.parametrize("stage", ["static", "pretrain", "external"])
def test_the_artifact_of_a_model_notes_the_source_of_its_module(stage: str) -> None:
    assert "stage.made_by(module)" in (ROOT / "pipelines" / f"{stage}.py").read_text()


def _compose(*overrides: str) -> None:
    run = [sys.executable, "-m", "polyseme.compose", "experiment=smoke", *overrides]
    subprocess.run(run, check=True, capture_output=True)


@pytest.fixture
def composed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("dvc.yaml", "conf", "src", "pipelines"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    subprocess.run(["dvc", "init", "-q", "--no-scm"], check=True)
    _compose()
    return tmp_path


def test_a_stage_is_given_what_dvc_declares_for_it(composed: Path) -> None:
    cases = {
        "corpus@controlled": ["smoke", "controlled"],
        "static@controlled-word2vec": ["smoke", "controlled", "word2vec"],
        "pretrain@controlled-bert": ["smoke", "controlled", "bert"],
        "finetune@controlled-bert": ["smoke", "controlled", "bert"],
        "report": ["smoke"],
    }
    for name, args in cases.items():
        shown = dvc.api.params_show(stages=name)
        assert declared.params(name, args) == OmegaConf.to_container(OmegaConf.create(shown))


def test_a_param_that_is_not_there_is_named(composed: Path) -> None:
    with pytest.raises(ConfigError, match=r"params.yaml: lm.none is not there"):
        declared.params("pretrain@controlled-none", ["smoke", "controlled", "none"])
