"""A project of milliseconds as working directory."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.sweeps import toy

from polyseme.sweeps import jobs


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The toy project."""
    folder = toy.make(tmp_path / "project")
    monkeypatch.chdir(folder)
    jobs.dag.cache_clear()
    return folder
