"""Fixtures of the report's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fake_tree import SELECTION, Tree

from polyseme.reporting.selection import Selection


@pytest.fixture
def make_tree(tmp_path: Path) -> Callable[..., Tree]:
    """Make a fake tree, whole or with other items selected."""

    def make(selection: Selection = SELECTION) -> Tree:
        return Tree(tmp_path / "project", selection).write()

    return make
