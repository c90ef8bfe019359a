"""A copy of the project in which stages really run, on the smoke experiment."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("src", "pipelines", "conf", "dvc.yaml", "params.yaml", ".dvcignore", ".gitignore")
TOOLS = Path(sys.executable).parent


class Project:
    """A folder with its own git and DVC."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "PATH": f"{TOOLS}:{os.environ['PATH']}",
            "PYTHONPATH": str(folder / "src"),
        }
        self.environment.pop("POLYSEME_MIRROR", None)

    def call(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in the project."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return done

    def compose(self, *overrides: str) -> None:
        """Write params.yaml."""
        self.call(
            "python",
            "-m",
            "polyseme.compose",
            "experiment=smoke",
            "runtime.tracking=off",
            "runtime.num_threads=1",
            *overrides,
        )

    def repro(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """`dvc repro`."""
        return self.call("dvc", "repro", *arguments, check=check)

    def kill_when(self, due: Callable[[], bool], *arguments: str) -> None:
        """Start `dvc repro`, kill -9 it as soon as `due` says so, and see its stage end."""
        dvc = subprocess.Popen(
            ["dvc", "repro", "--no-run-cache", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 120
        while not due():
            assert dvc.poll() is None, "the stage ended before it was killed"
            assert time.monotonic() < deadline
            time.sleep(0.02)
        dvc.send_signal(signal.SIGKILL)
        dvc.wait()
        while _processes_in(self.folder):  # the kernel kills the stage when dvc is gone
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def manifest(self, folder: str) -> str:
        """Hashes of all files of an artifact."""
        return (self.folder / "artifacts" / "smoke" / folder / "sha256.json").read_text()

    def fork(self, folder: Path) -> Project:
        """A copy with everything that has run."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Project(folder)


def _processes_in(folder: Path) -> list[Path]:
    """Processes that run in a folder; one that has ended runs nowhere."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cwd"):
        with suppress(OSError):
            if process.readlink() == folder.resolve():
                found.append(process)
    return found


@pytest.fixture(scope="session")
def empty_project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The sources, nothing run."""
    folder = tmp_path_factory.mktemp("project") / "polyseme"
    folder.mkdir()
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(source, folder / part, ignore=ignore)
        else:
            shutil.copy(source, folder / part)
    project = Project(folder)
    project.call("git", "init", "-q", ".")
    project.call("dvc", "init", "-q")
    for setting in (("core.analytics", "false"), ("hydra.enabled", "true")):
        project.call("dvc", "config", *setting)
    return project


@pytest.fixture(scope="session")
def prepared(empty_project: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Corpus and tasks are there."""
    project = empty_project.fork(tmp_path_factory.mktemp("prepared") / "polyseme")
    project.compose()
    project.repro("corpus", "task")
    return project
