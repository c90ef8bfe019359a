"""What does a sweep cost besides training, and do two workers do twice the work of one?

    python -m benchmarks.sweep_overhead [seconds a trial] [trials]     30 seconds, 6 trials

In a copy of the tree, trials of a small BERT on a little of the controlled language. First one
worker with a budget of seconds: what its trials took from asking to telling, and between them,
beyond the seconds of their stage, and beyond those that the budget counts, which leave out the
stage's own reading, final evaluation and writing. Then the same number of steps in each trial,
with one worker and with two on one study, one thread each: trials in the time from the first to
the last. Nothing else may run beside it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from benchmarks import _report
from polyseme.sweeps import conf, storage

ROOT = Path(__file__).parents[1]
TREE = ("src", "conf", "pipelines", "dvc.yaml")
SECONDS, TRIALS = 30.0, 6
STEPS_A_SECOND = 120
"""About what one slow core does of these."""
FEW = {"low": 1e-3, "high": 1e-2, "log": True}


def main(seconds: float = SECONDS, trials: int = TRIALS) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(_copy(Path(folder) / "polyseme"))
        _run("warm", 1, budget=5, unit="steps", trials=1, stages=("corpus", "pretrain"))
        _keep_corpus()
        alone = _run("alone", 1, budget=seconds, unit="seconds", trials=trials)
        steps = int(seconds * STEPS_A_SECOND)
        one = _run("one", 1, budget=steps, unit="steps", trials=trials)
        two = _run("two", 2, budget=steps, unit="steps", trials=trials, seed=1)
    spans = {name: _span(times) for name, times in (("one", one), ("two", two))}
    overhead = (_span(alone) - trials * seconds) / trials
    machinery = (_span(alone) - sum(seconds for _, _, seconds in alone)) / trials
    rows = [
        {"measured": "seconds besides its stage, a trial", "value": round(machinery, 2)},
        {"measured": "seconds besides training, a trial", "value": round(overhead, 2)},
        {"measured": "share of training", "value": round(overhead / seconds, 4)},
        {
            "measured": "trials of two workers to one",
            "value": round(spans["one"] / spans["two"], 2),
        },
    ]
    _report.write("sweep_overhead", rows, seconds_a_trial=seconds, trials=trials)


def _copy(tree: Path) -> Path:
    tree.mkdir()
    for part in TREE:
        whole = (ROOT / part).is_dir()
        (shutil.copytree if whole else shutil.copy)(ROOT / part, tree / part)
    return tree


def _run(
    name: str,
    workers: int,
    *,
    budget: float,
    unit: str,
    trials: int,
    seed: int = 0,
    stages: Sequence[str] = ("pretrain",),
) -> list[tuple[float, float, float]]:
    """Run a sweep; when each trial began and ended, and the seconds of its stage in between."""
    values: dict[str, Any] = {
        "experiment": "smoke",
        "corpus": "controlled",
        "sampler": "random",
        "seed": seed,
        "trials": trials,
        "overrides": [
            f"lm.bert.budget={budget}",
            f"lm.bert.budget_unit={unit}",
            "lm.bert.num_validations=5",
            "runtime.progress=false",
        ],
        "objectives": {
            "loss": {"goal": "minimize", "rows": {"stage": "pretrain", "metric": "loss"}}
        },
        "families": {
            "bert": {
                "model": "bert",
                "stages": list(stages),
                "space": {"lm.bert.lr": FEW},
            }
        },
    }
    OmegaConf.save(OmegaConf.create(values), conf.path(name))
    command = [sys.executable, "-m", "polyseme.cli", "sweep", name, "--yes"]
    environment = {**os.environ, "PYTHONPATH": str(Path("src").resolve())}
    subprocess.run([*command, "--workers", str(workers)], env=environment, check=True)
    found = storage.open_storage(storage.location(name, ""))
    (study,) = found.get_all_studies()
    return [
        (
            trial.datetime_start.timestamp(),  # type: ignore[union-attr]
            trial.datetime_complete.timestamp(),  # type: ignore[union-attr]
            trial.user_attrs["seconds"],
        )
        for trial in found.get_all_trials(study._study_id)
    ]


def _span(times: list[tuple[float, float, float]]) -> float:
    return max(end for _, end, _ in times) - min(start for start, _, _ in times)


def _keep_corpus() -> None:
    """The corpus that the first sweep prepared, as an artifact that the others start from."""
    (found,) = Path(".polyseme/sweeps/stages").glob("*/artifacts/smoke/runs/corpus-*.json")
    shutil.copytree(found.parents[1] / "corpus", "artifacts/smoke/corpus")


if __name__ == "__main__":
    main(*(float(word) if n == 0 else int(word) for n, word in enumerate(sys.argv[1:3])))
