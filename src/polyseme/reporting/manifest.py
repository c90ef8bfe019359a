"""What a committed report was made from: params, versions, hardware and the hash of each artifact.

dvc.lock holds only the experiment that ran last; this manifest lies beside each report
(reports/<experiment>/manifest.json), so that `make verify` can check any of them (verify.py).
Run records (artifacts/<experiment>/runs) differ between equal runs and are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from polyseme import paths
from polyseme.runtime import manifest, settings

NAME, TASK_CARD = "manifest.json", "task.json"


def build(experiment: str, params: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """The manifest of a report.

    Args:
        experiment: whose artifacts.
        params: whole params.yaml, as plain mappings and lists.
        root: project root.

    Returns:
        experiment, params, versions, hardware, artifacts: folder below artifacts/ -> digest, and
        tasks: task -> its main metric.

    Raises:
        IntegrityError: the manifest of an artifact cannot be read.
    """
    return {
        "experiment": experiment,
        "params": dict(params),
        "versions": settings.versions(),
        "hardware": settings.hardware(),
        "artifacts": {
            path.relative_to(root / paths.ARTIFACTS).as_posix(): manifest.digest(path)
            for path in folders(experiment, params, root)
        },
        "tasks": {
            name: json.loads(card.read_text(encoding="utf-8")).get("main_metric")
            for name in params.get("tasks", ())
            if (card := root / paths.task(experiment, name) / TASK_CARD).is_file()
        },
    }


def folders(experiment: str, params: Mapping[str, Any], root: Path) -> Iterator[Path]:
    """Artifact folders of the selected items, and the data sets that they read."""
    datasets = [root / paths.dataset(name) for name in sorted(params.get("dataset", {}))]
    yield from (path for path in datasets if (path / manifest.NAME).exists())
    top = root / paths.ARTIFACTS / experiment
    for path in sorted(top.rglob(manifest.NAME)):
        parts = path.relative_to(top).parts
        unfinished = any(part.startswith(".") for part in parts)
        if not unfinished and _selected(parts[:-1], params):
            yield path.parent


def _selected(parts: tuple[str, ...], params: Mapping[str, Any]) -> bool:
    """Whether every name in stage/corpus/representation or stage/task is selected."""
    lists = [params[key] for key in ("corpora", "representations", "tasks") if key in params]
    wanted = {part.removesuffix(paths.STACKED) for part in parts[1:]}
    return not lists or {name for names in lists for name in names}.issuperset(wanted)
