"""kill -9 at a chosen point of each language model's stage: run again, it ends with the same bytes.

Every run is a process of its own, a fork of one that has imported what takes seconds. It kills
itself where it is told to, so that what the checkpoint holds is known: once between a gradient and
its step, once with half a checkpoint written. A checkpoint is taken after each step.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import shutil
import signal
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.pipeline.conftest import ROOT, Project

from polyseme import compose
from polyseme.training import checkpoint
from polyseme.training.pretrain import Pretraining

pytestmark = pytest.mark.pipeline

KILLED_STEP, HALF_WRITTEN, NUM_STEPS = 10, 18, 24
IMPORTED = (
    "pytest dvc.api omegaconf ruamel.yaml pyarrow.parquet polyseme.training.loop "
    "polyseme.tracking.local polyseme.results polyseme.models.elmo polyseme.models.gpt_bert"
).split()
UNUSED = ("dataset", "static", "task", "strategy", "probe", "baseline")
PIPELINE = "pipelines/pretrain.py"
WRITTEN = {"weights.safetensors", "history.csv", "results.parquet"}

TRAINING = {
    "batch_size": 4, "sequence_length": 16, "budget": NUM_STEPS, "budget_unit": "steps",
    "num_validations": 12, "validation_rows": 8,
}  # fmt: skip
TRANSFORMER = {"dim": 16, "num_layers": 1, "num_heads": 2, "dim_ff": 32, "dropout": 0.1}
MASKING = {"mask_ratio": 0.5, "mask_ratio_end": 0.1, "mask_words": True}
ELMO = {"dim": 8, "cell_dim": 12, "dropout": 0.1, "character_dim": 4, "filters": [[1, 4], [3, 8]]}
AWD_LSTM = {"dim": 8, "hidden_dim": 12, "num_layers": 2, "restart": 0.3}
NTASGD = {"optimizer": "ntasgd", "ntasgd_patience": 1, "num_validations": NUM_STEPS, "lr": 30.0}


class Case(NamedTuple):
    """A model, and the state besides its weights that a run must find again."""

    model: str
    values: dict[str, Any]
    state: tuple[str, ...]
    precision: str = "fp32"


MUON = ("momentum_buffer", "exp_avg_sq")
CARRIED = ("h0_BH", "c1_BH")
CASES = {
    "elmo": Case("elmo", ELMO, ("exp_avg_sq",)),
    "awd_lstm": Case("awd_lstm", AWD_LSTM, ("exp_avg_sq", *CARRIED)),
    "awd_lstm_averaged": Case("awd_lstm", AWD_LSTM | NTASGD, ("average", *CARRIED)),
    "gpt": Case("gpt", TRANSFORMER, MUON),
    "bert": Case("bert", TRANSFORMER | MASKING, MUON),
    "bert_bf16": Case("bert", TRANSFORMER | MASKING, MUON, "bf16"),
    "electra": Case("electra", TRANSFORMER | MASKING, MUON),
    "gpt_bert": Case("gpt_bert", TRANSFORMER | MASKING | {"masked_share": 0.6}, MUON),
}


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_before_the_update_of(step: int) -> None:
    check = Pretraining._require_finite

    def checked(self: Pretraining, *values: Any) -> None:
        check(self, *values)
        if self.step == step:
            _die()

    Pretraining._require_finite = checked  # type: ignore[method-assign]


def _die_in_the_checkpoint_of(step: int) -> None:
    sync = checkpoint._sync

    def synced(path: Path) -> None:
        sync(path)
        if path.name == f"{step:09d}.json.tmp":
            _die()

    checkpoint._sync = synced


DEATHS = {KILLED_STEP: _die_before_the_update_of, HALF_WRITTEN: _die_in_the_checkpoint_of}


def _live(folder: Path, name: str, log: Path, until: int | None) -> None:
    """The stage, from here to its end or its death."""
    os.chdir(folder)
    with log.open("w") as stream:
        os.dup2(stream.fileno(), sys.stdout.fileno())
        os.dup2(stream.fileno(), sys.stderr.fileno())
    if until is not None:
        DEATHS[until](until)
    os.environ["DVC_STAGE"] = f"pretrain@controlled-{name}"
    sys.argv = [PIPELINE, "smoke", "controlled", name]
    runpy.run_path(PIPELINE, run_name="__main__")


class Stage:
    """The pre-training stage of one model in a project."""

    def __init__(self, project: Project, name: str) -> None:
        self.project, self.name = project, name
        self.artifact = project.folder / "artifacts/smoke/model/controlled" / name
        self.log = project.folder / f"{name}.log"

    def live(self, until: int | None) -> int | None:
        """Exit code of a run."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(IMPORTED)
        process = context.Process(
            target=_live, args=(self.project.folder, self.name, self.log, until)
        )
        process.start()
        process.join()
        return process.exitcode

    def take_artifact(self) -> dict[str, bytes]:
        """Bytes of each file; the artifact is gone then."""
        files = {path.name: path.read_bytes() for path in self.artifact.iterdir()}
        shutil.rmtree(self.artifact)
        return files

    def newest(self) -> checkpoint.Checkpoint:
        """What a next run will continue from."""
        scratch = self.project.folder / f".polyseme/scratch/pretrain@controlled-{self.name}"
        (folder,) = scratch.glob("*/checkpoints")
        found = checkpoint.Checkpoints(folder).newest()
        assert found is not None
        return found


@pytest.fixture(scope="module")
def params() -> dict[str, Any]:
    """Those of the smoke experiment with every language model, and with nothing that uses them."""
    names = ",".join(sorted({case.model for case in CASES.values()}))
    made = compose.composed(
        ["experiment=smoke", f"lm=[{names}]", "runtime.tracking=off", "runtime.progress=false",
         "runtime.num_threads=1", "runtime.checkpoint_seconds=1e-9"],
        ROOT / "conf",
    )  # fmt: skip
    nothing: dict[str, Any] = {group: {} for group in UNUSED}
    return made | nothing | {key: [] for key in ("statics", "representations", "tasks")}


@pytest.fixture(scope="module")
def project(prepared: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The corpus is there; no conf/, so that a stage checks its own values only."""
    project = prepared.fork(tmp_path_factory.mktemp("killed") / "polyseme")
    shutil.rmtree(project.folder / "conf")
    (project.folder / "dvc.lock").unlink()
    return project


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, project: Project, params: dict[str, Any]) -> Case:
    """A model; the params are its own."""
    found = CASES[request.param]
    config = params["lm"][found.model] | TRAINING | found.values
    mine = {
        "lm": {found.model: config},
        "lms": [found.model],
        "runtime": params["runtime"] | {"precision": found.precision},
    }
    (project.folder / "params.yaml").write_text(compose.text(params | mine))
    return found


def test_a_model_killed_twice_ends_with_the_bytes_of_an_uninterrupted_run(
    project: Project, case: Case
) -> None:
    stage = Stage(project, case.model)
    assert stage.live(None) == 0, stage.log.read_text()
    whole = stage.take_artifact()
    for death, step in ((KILLED_STEP, KILLED_STEP), (HALF_WRITTEN, HALF_WRITTEN - 1)):
        assert stage.live(death) == -signal.SIGKILL, stage.log.read_text()
        assert not stage.artifact.exists()
        found = stage.newest()
        assert found.step == step
        for part in case.state:
            assert any(t.any() for n, t in found.tensors.items() if n.endswith(f".{part}")), part
    assert stage.live(None) == 0, stage.log.read_text()
    assert f"continuing at step {HALF_WRITTEN - 1}\n" in stage.log.read_text()
    again = stage.take_artifact()
    assert whole.keys() >= WRITTEN
    assert [file for file in whole if whole[file] != again.get(file)] == []
