"""Peak memory of probes against their limit, and what it costs to keep vectors in half the bytes.

UPOS of UD English-EWT (all words) on five layers of an untrained BERT of 128 dimensions, three
seeds, real and control labels. Each row is a process of its own, run after one that encodes.
`anonymous_gib` is memory that the process must hold above what it held before the probe; vectors on
disk are mapped, and the system takes those pages back when it needs them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import _ewt, _report
from polyseme.probes.base import Probed
from polyseme.probes.common.evaluate import evaluate
from polyseme.tasks import base
from polyseme.tasks.base import Split
from polyseme.tasks.common.prepared import PreparedTask
from polyseme.transfer.features import FeatureCache, Kind

SEEDS = (0, 1, 2)
RUNS: tuple[tuple[Kind, float], ...] = (
    ("float32", 2.0), ("float32", 0.5), ("float32", 0.25), ("float16", 2.0), ("bfloat16", 2.0),
)  # fmt: skip
OPTIONS = {"epochs": 4, "min_steps": 1, "max_units": 250_000}


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for kind, max_gib in RUNS:
            command = [sys.executable, "-m", __spec__.name, kind, str(max_gib), folder]
            for _ in ("encode", "measure"):
                done = subprocess.run(command, check=True, capture_output=True, text=True)
            rows.append(json.loads(done.stdout.splitlines()[-1]))
    full = rows[0]
    for row in rows:
        row["accuracy_lost"] = round(full["accuracy"] - row["accuracy"], 5)
        row["selectivity_lost"] = round(full["selectivity"] - row["selectivity"], 5)
    _report.write("probe_memory", rows, seeds=len(SEEDS), layers=_ewt.model().num_layers)


def _run(kind: Kind, max_gib: float, folder: Path) -> dict[str, Any]:
    made = folder / "task"
    if not made.exists():
        made.mkdir()
        splits = {name: _split(name) for name in ("train", "valid", "test")}
        base.write(made, splits, {"name": "upos", "family": "tagging"})
    model = _ewt.model()
    own = folder / f"{kind}-{max_gib}"
    cache = FeatureCache({}, 2**33, own, kind=kind)
    encode = partial(cache.encode, lambda: model)
    probed = Probed(encode, PreparedTask(made), SEEDS, model.num_layers, model.dim)
    with _Watch() as watch:
        rows = list(evaluate("linear", {**OPTIONS, "max_gib": max_gib}, probed))
    files = [path.stat().st_size for path in own.glob("*.npy")]
    found: dict[str, Any] = {"type": kind, "max_gib": max_gib}
    found["anonymous_gib"] = round(watch.grown / 2**30, 2)
    found["files_gib"] = round(sum(files) / 2**30, 2)
    found["train_sentences"] = rows[0]["train_size"]
    for metric in ("accuracy", "selectivity"):
        values = [r["value"] for r in rows if r["metric"] == metric and not r["control"]]
        found[metric] = round(float(np.mean(values)), 5)
    return found


def _split(name: str) -> Split:
    sentences = _ewt.sentences("dev" if name == "valid" else name)
    return Split(
        [list(s.words) for s in sentences], [[t or "_" for t in s.upos] for s in sentences]
    )


class _Watch:
    """Most anonymous memory of the process above what it had on entry, in bytes."""

    def __enter__(self) -> _Watch:
        self.before = self.most = _anonymous()
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._look)
        self.thread.start()
        return self

    def _look(self) -> None:
        while not self.done.wait(0.005):
            self.most = max(self.most, _anonymous())

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.thread.join()

    @property
    def grown(self) -> int:
        return self.most - self.before


def _anonymous() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(_run(sys.argv[1], float(sys.argv[2]), Path(sys.argv[3]))))  # type: ignore[arg-type]
    else:
        main()
