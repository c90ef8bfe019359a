"""Stage `report`: from the results of all stages to reports/<experiment>."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from polyseme import paths
from polyseme.reporting import build, manifest
from polyseme.reporting.collect import collect
from polyseme.reporting.selection import select
from polyseme.runtime.stage import Stage, run


def main(stage: Stage) -> None:
    """Collect, write, and describe what the report was made from."""
    experiment, root = stage.args["experiment"], Path()
    params: dict[str, Any] = stage.params | {"runtime": asdict(stage.runtime)}
    selection = select(stage.params)
    evidence = collect(experiment, selection, params=params, root=root, open_=stage.input)
    folder = stage.output(paths.report(experiment))
    build.write(folder, evidence)
    content = manifest.build(experiment, params, root)
    text = json.dumps(content, indent=1, sort_keys=True) + "\n"
    (folder / manifest.NAME).write_text(text, encoding="utf-8")
    stage.tracker.summary(json.loads((folder / "metrics" / "summary.json").read_text()))
    groups = ("stage", "task", "representation")
    stage.tracker.table("results", folder / "results.parquet", groups=groups)
    for figure in sorted((folder / "figures").glob("*.svg")):
        if not figure.stem.endswith("-dark"):
            stage.tracker.media(f"figures/{figure.stem}", figure)


if __name__ == "__main__":
    run(main, "experiment")
