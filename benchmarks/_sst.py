"""SST-2 on the real files and a BERT pre-trained here: what fine-tuning is measured on."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from polyseme import paths
from polyseme.tasks import base, labelled_lines
from polyseme.tasks.common.prepared import PreparedTask

FILES = {"train": "stsa.binary.train", "valid": "stsa.binary.dev", "test": "stsa.binary.test"}
MODEL = paths.model("standard", "wiki", "bert")
NEEDED = "needs artifacts of `make repro EXPERIMENT=standard`"


def model() -> Path:
    """The folder of the model; leaves with a reason where it is not there."""
    if not MODEL.is_dir():
        sys.exit(f"error: {MODEL} is missing: {NEEDED}")
    return MODEL


def prepared(folder: Path) -> PreparedTask:
    """SST-2, whole, as a task in a folder."""
    source = paths.dataset("sst")
    if not source.is_dir():
        sys.exit(f"error: {source} is missing: {NEEDED}")
    options = labelled_lines.Config(module="labelled_lines", source=str(source), files=FILES)
    splits = labelled_lines.prepare(options, source)
    folder.mkdir(parents=True, exist_ok=True)
    base.write(folder, splits, {"name": "sst2", "family": "classification"})
    return PreparedTask(folder)


def card() -> dict[str, object]:
    """Size and budget of the model."""
    found: dict[str, object] = json.loads((model() / "representation.json").read_text())
    return {key: found[key] for key in ("config", "words_seen")}
