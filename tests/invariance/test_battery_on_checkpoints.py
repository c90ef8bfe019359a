"""Representations from elsewhere pass as well."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.external.conftest import Import, bring_in  # noqa: F401 - a fixture
from tests.invariance.conftest import TASKS

from polyseme.invariance import battery
from polyseme.models.external.common import checkpoint, source

MIRROR = Path(os.environ.get("POLYSEME_MIRROR", "")) / "fixture-elmo-bilm"
FILES = ("options.json", "lm_weights.hdf5")


@pytest.mark.parametrize("name", ["bert", "gpt2"])
def test_checkpoints_pass(bring_in: Import, root: Path, tmp_path: Path, name: str) -> None:  # noqa: F811
    pytest.importorskip("transformers")
    from tests.external.checkpoints import make

    folder = make(name, tmp_path / name)
    digest = source.digest(folder, checkpoint.files(folder))
    model = bring_in("hugging_face", path=str(folder), sha256=digest, max_length=64)
    assert [r for r in battery.run(model, root, TASKS) if r["checked"] is False] == []


@pytest.mark.mirror
@pytest.mark.skipif(not MIRROR.is_dir(), reason="needs fixture-elmo-bilm in POLYSEME_MIRROR")
def test_the_original_elmo_passes(bring_in: Import, root: Path) -> None:  # noqa: F811
    digest = source.digest(MIRROR, FILES)
    model = bring_in("elmo", path=str(MIRROR), sha256=digest, weights=FILES[1])
    assert [r for r in battery.run(model, root, TASKS) if r["checked"] is False] == []
