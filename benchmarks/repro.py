"""How long does an experiment take, stage by stage, and how much of that is not its own work?

    python -m benchmarks.repro [experiment] [folder]     demo; a temporary folder

Copies the tree, runs `dvc repro` there, again with nothing to do, and dry with another value of the
probe. Work is what the stages' run records count: from the moment that a stage's body may begin
to its end. The rest of the wall-clock time, dvc and the start of Python and its imports, is
orchestration.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import _report

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


def main(experiment: str = "demo", folder: str = "") -> None:
    with tempfile.TemporaryDirectory() as temporary:
        tree = Path(folder or temporary) / "polyseme"
        _copy(tree)
        _call(tree, "python", "-m", "polyseme.compose", f"experiment={experiment}")
        wall, _ = _call(tree, "dvc", "repro")
        again, told = _call(tree, "dvc", "repro")
        if "up to date" not in told:
            sys.exit("error: a finished run is not up to date")
        rows = [
            {"stage": path.stem, "work_seconds": round(json.loads(path.read_text())["seconds"], 1)}
            for path in sorted((tree / f"artifacts/{experiment}/runs").glob("*.json"))
        ]
        override = "probe.linear.epochs=7"
        _call(tree, "python", "-m", "polyseme.compose", f"experiment={experiment}", override)
        _, told = _call(tree, "dvc", "repro", "--dry")
    work = sum(row["work_seconds"] for row in rows)
    facts = {
        "experiment": experiment,
        "wall_seconds": round(wall, 1),
        "work_seconds": round(work, 1),
        "orchestration_share": round(1 - work / wall, 3),
        "nothing_to_do_seconds": round(again, 2),
        "stages_after_a_change_of_the_probe": re.findall(r"Running stage '([^']+)'", told),
    }
    print(json.dumps(facts, indent=1))
    _report.write(f"repro_{experiment}", rows, **facts)


def _copy(tree: Path) -> None:
    tree.mkdir(parents=True)
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True).stdout
    present = b"\0".join(n for n in names.split(b"\0") if n and (ROOT / os.fsdecode(n)).exists())
    pack = ["tar", "--null", "--files-from=-", "--create"]
    packed = subprocess.run(pack, cwd=ROOT, input=present, capture_output=True, check=True).stdout
    subprocess.run(["tar", "--extract"], cwd=tree, input=packed, check=True)
    subprocess.run(["git", "init", "--quiet", "."], cwd=tree, check=True)
    (tree / "dvc.lock").unlink(missing_ok=True)


def _call(tree: Path, *command: str) -> tuple[float, str]:
    """Seconds, and what it printed; its progress is shown."""
    environment = {
        **os.environ,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "PYTHONPATH": str(tree / "src"),
    }
    started = time.perf_counter()
    done = subprocess.run(
        command, cwd=tree, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return time.perf_counter() - started, done.stdout


if __name__ == "__main__":
    main(*sys.argv[1:])
