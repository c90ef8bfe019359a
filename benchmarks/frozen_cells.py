"""All label budgets and seeds of one task with `frozen`, against one encoding pass.

SST-2, whole; one thread, as a cell has. A pass encodes training, validation and test sentences.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from omegaconf import OmegaConf

from benchmarks import _report, _sst
from polyseme.models import base, bert
from polyseme.runtime.settings import Runtime
from polyseme.training.determinism import make_deterministic
from polyseme.transfer.cells import Store
from polyseme.transfer.evaluate import Evaluation
from polyseme.transfer.features import FeatureCache

ROUNDS = 3
BUDGETS: list[int | str] = [32, 128, 512, 2048, "all"]
SEEDS = [0, 1, 2, 3, 4]


def main(rounds: int = ROUNDS) -> None:
    runtime = Runtime(num_threads=1, progress=False)
    make_deterministic(runtime)
    options = OmegaConf.to_container(OmegaConf.load("conf/strategy/frozen.yaml"))
    passes, cells = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        task = _sst.prepared(folder / "task")
        texts = [words for split in task.splits.values() for words in split.sentences]
        for number in range(rounds):
            representation = base.load(_sst.model())
            started = time.perf_counter()
            representation.encode(texts)
            passes.append(time.perf_counter() - started)
            evaluation = Evaluation(
                lambda: base.load(_sst.model()), "weights", bert, {"frozen": options},  # type: ignore[dict-item]
                seeds=SEEDS, train_sizes=BUDGETS, identity={}, runtime=runtime, scratch=folder,
            )  # fmt: skip
            evaluation.store = Store(folder / f"cells-{number}")
            evaluation.features = FeatureCache({}, 2**33, folder / f"features-{number}")
            started = time.perf_counter()
            for job in evaluation.jobs(task):
                evaluation.outcomes(task, "labels", job)
            cells.append(time.perf_counter() - started)
    encoding, whole = statistics.median(passes), statistics.median(cells)
    rows = [
        {"what": "one encoding pass", "seconds": round(encoding, 2), "passes": 1.0},
        {
            "what": f"{len(BUDGETS) * len(SEEDS)} cells, with their encoding",
            "seconds": round(whole, 2),
            "passes": round(whole / encoding, 2),
        },
    ]
    _report.write("frozen_cells", rows, rounds=[passes, cells], words=sum(map(len, texts)))


if __name__ == "__main__":
    main()
