"""The stage under srun (by its variables) and torchrun: one of them killed, the other continues.

The model has the bytes of a run of two processes that polyseme started itself.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml
from safetensors.torch import load_file
from tests.pipeline.conftest import ROOT
from tests.training.shared_jobs import STEPS, TRANSFORMER, store

from polyseme.data.tokenizer import WordPieces
from polyseme.models import gpt
from polyseme.runtime import manifest
from polyseme.runtime.settings import Runtime
from polyseme.training.loop import pretrain

pytestmark = pytest.mark.pipeline

PIPELINE = str(ROOT / "pipelines/pretrain.py")
ARGUMENTS = (PIPELINE, "toy", "text", "gpt")
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
VALUES = STEPS | TRANSFORMER | {"budget": 60}
SPLITS = {"train": (2000, 0), "valid": (500, 1), "test": (500, 2)}
PATIENCE_SECONDS = 300
RESOURCE = 6


@pytest.fixture(scope="module")
def project(pieces: WordPieces, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus, params, and this stage of dvc.yaml."""
    folder = tmp_path_factory.mktemp("launched")
    corpus = folder / "artifacts/toy/corpus/text"
    corpus.mkdir(parents=True)
    pieces.tokenizer.save(str(corpus / "tokenizer.json"))
    card: dict[str, Any] = {"dtype": "<u2", "splits": {}}
    for split, (size, seed) in SPLITS.items():
        made = store(size, seed)
        made.tokens.tofile(corpus / f"{split}.tokens")
        made.flags.tofile(corpus / f"{split}.flags")
        card["splits"][split] = {"tokens": size, "words": made.num_words}
    (corpus / "card.json").write_text(json.dumps(card))
    manifest.write(corpus, stage="corpus@text", inputs={})
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"pretrain": stages["pretrain"]}}))
    source = folder / "src/polyseme/models/gpt.py"
    source.parent.mkdir(parents=True)
    shutil.copy(str(gpt.__file__), source)
    _dvc(folder, "init", "--no-scm")
    return folder


def _dvc(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _set_up(folder: Path, **runtime: Any) -> None:
    made = asdict(Runtime(num_threads=1, precision="fp32", progress=False, tracking="off"))
    params = {
        "experiment": "toy", "corpora": ["text"], "lms": ["gpt"], "numerics": 1, "seed": 3,
        "lm": {"gpt": asdict(gpt.Config(**VALUES))},
        "runtime": made | {"checkpoint_seconds": 1e-6} | runtime,
    }  # fmt: skip
    (folder / "params.yaml").write_text(yaml.safe_dump(params))


def _start(folder: Path, *command: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command or (sys.executable, *ARGUMENTS), cwd=folder, text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")} | environment,
    )  # fmt: skip


@pytest.fixture
def tasks(project: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Two tasks of a step of Slurm."""
    _set_up(project, strategy="fsdp", num_processes="auto")
    step = {
        "SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_TASKS_PER_NODE": "2", "SLURM_JOB_ID": "4711",
        "SLURM_STEP_NODELIST": "localhost", "MASTER_PORT": str(20_000 + os.getpid() % 10_000),
    }  # fmt: skip
    started = [
        _start(project, **step, SLURM_PROCID=str(rank), SLURM_LOCALID=str(rank))
        for rank in range(2)
    ]
    yield started
    for task in started:
        task.kill()
        task.wait()


def _wait_for_step(folder: Path, step: int, task: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not any(int(n.stem) >= step for n in folder.rglob("checkpoints/*[0-9].json")):
        assert task.poll() is None, task.stderr and task.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _weights(project: Path) -> dict[str, Any]:
    return load_file(project / "artifacts/toy/model/text/gpt/weights.safetensors")


def test_killed_under_srun_and_continued_by_torchrun(
    project: Path, tasks: list[subprocess.Popen[str]], pieces: WordPieces, tmp_path: Path
) -> None:
    first, second = tasks
    _wait_for_step(project, 5, first)
    second.send_signal(signal.SIGKILL)
    _, told = first.communicate(timeout=PATIENCE_SECONDS)
    assert first.returncode == RESOURCE
    (line,) = told.splitlines()
    assert line.startswith("error: pre-training: process 0 of 2 has lost the others")
    assert not (project / "artifacts/toy/model").exists() or not _left(project)
    _set_up(project, strategy="fsdp", num_processes=1)  # the launcher's number counts
    done = _start(project, *TORCHRUN, *ARGUMENTS)
    _, told = done.communicate(timeout=PATIENCE_SECONDS)
    assert done.returncode == 0, told
    assert "continuing at step" in told
    record = json.loads((project / "artifacts/toy/runs/pretrain-text-gpt.json").read_text())
    assert record["shared"] == [{"step": 0, "processes": 2, "strategy": "fsdp"}]
    assert _left(project) == ["gpt"]
    _dvc(project, "commit", "--force", "pretrain@text-gpt")
    assert "up to date" in _dvc(project, "status")
    known = _known(pieces, tmp_path)
    found = _weights(project)
    assert all(found[name].equal(tensor) for name, tensor in known.items())


def _left(project: Path) -> list[str]:
    """What lies in the folder of models, unfinished or not."""
    return sorted(path.name for path in (project / "artifacts/toy/model/text").iterdir())


def _known(pieces: WordPieces, scratch: Path) -> dict[str, Any]:
    """Weights of an uninterrupted run of two processes."""
    options = gpt.Config(**VALUES)
    model = gpt.Model(options, pieces)
    pretrain(
        model, options, {name: store(*SPLITS[name]) for name in ("train", "valid")},
        seed=3, scratch=scratch, log=lambda row, step: None,
        runtime=Runtime(
            num_threads=1, precision="fp32", progress=False, num_processes=2, strategy="fsdp"
        ),
    )  # fmt: skip
    return dict(model.named_parameters())


@pytest.mark.parametrize(
    ("pipeline", "environment", "told"),
    [
        ("pretrain", {"WORLD_SIZE": "2"}, "RANK, LOCAL_RANK"),
        ("probe", {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "2",
                   "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}, "only pre-training is shared"),
    ],
)  # fmt: skip
def test_what_a_launcher_cannot_start_is_refused_in_one_line(
    project: Path, pipeline: str, environment: dict[str, str], told: str
) -> None:
    command = (sys.executable, str(ROOT / f"pipelines/{pipeline}.py"), "toy", "text", "gpt")
    done = _start(project, *command, **environment)
    _, lines = done.communicate(timeout=PATIENCE_SECONDS)
    assert done.returncode == 2
    (line,) = lines.splitlines()
    assert told in line
