"""Fixtures of the report's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fake_measures import RICH
from fake_measures import write as write_rich
from fake_tree import SELECTION, Tree

from polyseme.reporting import build
from polyseme.reporting.collect import Evidence
from polyseme.reporting.selection import Selection


@pytest.fixture
def make_tree(tmp_path: Path) -> Callable[..., Tree]:
    """Make a fake tree, whole or with other items selected."""

    def make(selection: Selection = SELECTION) -> Tree:
        return Tree(tmp_path / "project", selection).write()

    return make


@pytest.fixture(scope="session")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """Rows of all probes and intrinsic measures."""
    root = tmp_path_factory.mktemp("evidence") / "project"
    return write_rich(Tree(root, RICH).write()).collect()


@pytest.fixture(scope="session")
def rich(tmp_path_factory: pytest.TempPathFactory, evidence: Evidence) -> Path:
    """The report of those."""
    folder = tmp_path_factory.mktemp("rich")
    build.write(folder, evidence)
    return folder
