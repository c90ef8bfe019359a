"""Small files of every format, written by the libraries that define it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from polyseme import items
from polyseme.config import build
from polyseme.models import base
from polyseme.models.base import Representation
from polyseme.models.common import artifact
from polyseme.models.external.common.source import Bring, digest

Import = Callable[..., Representation]


@pytest.fixture
def bring_in(tmp_path: Path) -> Import:
    """Import a file or folder as the stage does, and load the artifact again."""
    counter = iter(range(100))

    def bring(module: str, path: Path | None = None, /, **values: Any) -> Representation:
        if path is not None:
            values = {
                "path": str(path),
                "sha256": digest(path) if path.exists() else "0" * 64,
            } | values
        values = {"module": module} | values
        code = items.load("external", module)
        options = build(code.Config, values, file="conf/external/mine.yaml", key="external.mine")
        out = tmp_path / f"artifact{next(counter)}"
        out.mkdir()
        kept = tmp_path / "kept"
        mirror = tmp_path / "mirror" if (tmp_path / "mirror").exists() else None
        made = code.read(options, Bring("mine", kept, mirror, False), out)
        card = artifact.card(
            "external", "mine", values, made, corpus="toy", words_seen=None, module=module
        )
        base.save(made, out, card | {"seed": 0})
        return base.load(out)

    return bring
