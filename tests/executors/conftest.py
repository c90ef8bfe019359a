"""A cluster of one machine."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from tests.executors import fake_slurm

FAKE = Path(__file__).with_name("fake_slurm.py")
ROOT = Path(__file__).parents[2]


class Cluster:
    """What has happened on it.

    Attributes:
        home: state of its jobs.
    """

    def __init__(self, home: Path) -> None:
        self.home = home

    @property
    def scripts(self) -> list[str]:
        """What sbatch was given."""
        return [p.read_text() for p in sorted(self.home.glob("*.sh"), key=lambda p: int(p.stem))]

    def state(self, name: str) -> str:
        """Of a job."""
        return (self.home / f"{name}.state").read_text()

    def step(self, name: str) -> list[psutil.Process]:
        """Processes of a job's step: all but those of its script."""
        shell = psutil.Process(int((self.home / f"{name}.node").read_text())).children()
        return [each for one in shell for each in one.children(recursive=True)]

    def signal(self, name: str, number: int) -> None:
        """Signal all processes of a job's step at once, as Slurm does."""
        for process in self.step(name):
            with suppress(psutil.Error):
                process.send_signal(number)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """Slurm's commands on the path."""
    tools, home = tmp_path / "slurm" / "bin", tmp_path / "slurm" / "state"
    tools.mkdir(parents=True)
    home.mkdir()
    monkeypatch.setenv("FAKE_SLURM", str(home))
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'src'}{os.pathsep}{ROOT}")
    monkeypatch.setattr("submitit.core.core.Job._results_timeout_s", 1)
    fake_slurm.install(tools)
    yield Cluster(home)
    for node in home.glob("*.node"):
        with suppress(ProcessLookupError):
            os.killpg(int(node.read_text()), signal.SIGKILL)
