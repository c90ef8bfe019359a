"""Errors of tasks, brought from other machines to the one who asked: a file for each."""

from __future__ import annotations

import json
from pathlib import Path

from polyseme import errors
from polyseme.data.scale.job import Job
from polyseme.runtime import whole


def _folder(job: Job) -> Path:
    return job.folder / "failed"


def note(job: Job, what: str, rank: int, error: errors.PolysemeError) -> None:
    """Write down what a task failed of."""
    _folder(job).mkdir(parents=True, exist_ok=True)
    parts = [type(error).__name__, error.what, error.where, error.mend]
    whole.write_text(_folder(job) / f"{what}-{rank:05d}.json", json.dumps(parts))


def forget(job: Job) -> None:
    """Remove the notes of an earlier run."""
    for path in _folder(job).glob("*.json"):
        path.unlink(missing_ok=True)


def raise_noted(job: Job) -> None:
    """Raise the first error that a task has noted."""
    for path in sorted(_folder(job).glob("*.json")):
        kind, what, where, mend = json.loads(path.read_text())
        raise getattr(errors, kind)(what, where=where, mend=mend)
