"""A project whose one stage takes milliseconds: the machinery of sweeps without any training.

`python -m tests.sweeps.toy <folder> <conf as JSON>` is a worker in such a project.
"""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path
from typing import Any

from polyseme.config import build
from polyseme.sweeps import jobs, storage, studies
from polyseme.sweeps.conf import Sweep
from polyseme.sweeps.setup import Ready
from polyseme.sweeps.worker import Worker

ROOT = Path(__file__).parents[2]
STAGE = """
import math, time
from pathlib import Path
from polyseme import paths, results
from polyseme.errors import NumericsError
from polyseme.runtime.stage import run

def main(stage):
    options = stage.params["lm"]["toy"]
    loss = (math.log10(options["lr"]) + 2) ** 2 + options["depth"] / 10
    with Path(options["notes"]).open("a") as notes:
        notes.write(f"{options['lr']!r} {options['depth']}\\n")
    for look in range(1, 4):
        time.sleep(options["seconds"] / 3)
        shown = loss + 3 - look
        stage.tracker.log({"valid_loss": shown, "valid_bits_per_byte": shown}, step=look)
    if options["depth"] == 9:
        raise NumericsError("loss nan", where="step 3", mend="lower lr")
    stage.source(Path("artifacts/toy/corpus/text"))
    out = stage.output(paths.model("toy", "text", "toy"))
    row = {"stage": "pretrain", "metric": "loss", "split": "valid", "value": loss,
           "num_parameters": 10 * options["depth"]}
    results.write(out / "results.parquet", [row])

run(main, "experiment", "corpus", "model")
"""
DAG = """
stages:
  pretrain:
    matrix: {corpus: [text], model: [toy]}
    cmd: python pipelines/pretrain.py ${experiment} ${item.corpus} ${item.model}
    deps: ["artifacts/${experiment}/corpus/${item.corpus}"]
    params: [experiment, "lm.${item.model}"]
    outs:
      - artifacts/${experiment}/model/${item.corpus}/${item.model}
      - artifacts/${experiment}/runs/pretrain-${item.corpus}-${item.model}.json
"""
LR = {"low": 1e-4, "high": 1.0, "log": True}
DEPTH = {"low": 1, "high": 4}
LOSS = {"goal": "minimize", "rows": {"stage": "pretrain", "metric": "loss"}}


class Toy(Ready):
    """A family that was not composed from conf/."""

    def check(self, values: Any) -> None:
        pass


def make(folder: Path) -> Path:
    """The project."""
    (folder / "pipelines").mkdir(parents=True)
    (folder / "pipelines/pretrain.py").write_text(textwrap.dedent(STAGE))
    (folder / "dvc.yaml").write_text(DAG)
    corpus = folder / "artifacts/toy/corpus/text"
    corpus.mkdir(parents=True)
    (corpus / "words.txt").write_text("crack bank spring\n")
    return folder


def conf(**changes: Any) -> dict[str, Any]:
    """A file of conf/sweep, as plain data."""
    space = changes.pop("space", {"lm.toy.lr": LR, "lm.toy.depth": DEPTH})
    family = {"model": "toy", "stages": ["pretrain"], "space": space}
    families = changes.pop("families", ("a",))
    return {
        "experiment": "toy",
        "corpus": "text",
        "trials": 4,
        "sampler": "random",
        "objectives": {"loss": LOSS},
        "families": dict.fromkeys(families, family),
    } | changes


def read(values: dict[str, Any]) -> Sweep:
    """The same, checked."""
    return build(Sweep, values, file="conf/sweep/toy.yaml")


def families(sweep: Sweep, folder: Path, seconds: float = 0.0) -> dict[str, Ready]:
    """What trials start from."""
    toy = {"lr": 0.1, "depth": 1, "seconds": seconds, "notes": str(folder / "notes.txt")}
    runtime = {"num_threads": 1, "tracking": "off", "precision": "fp32"}
    params = {"experiment": "toy", "lm": {"toy": toy}, "tasks": [], "runtime": runtime}
    found = {}
    for name, family in sweep.families.items():
        steps = tuple(jobs.expand(sweep, family, params))
        found[name] = Toy(name, family, params, steps)
    return found


def opened(sweep: Sweep, folder: Path, *, url: str = "", seconds: float = 0.0) -> dict[str, Any]:
    """The studies; the working directory is the project."""
    kept = storage.open_storage(storage.location("toy", url))
    return studies.open_studies("toy", sweep, families(sweep, folder, seconds), kept, folder)


def work(sweep: Sweep, folder: Path, *, url: str = "", seconds: float = 0.0) -> dict[str, Any]:
    """Run the sweep; the studies as they are then."""
    found = opened(sweep, folder, url=url, seconds=seconds)
    Worker("toy", sweep, families(sweep, folder, seconds), folder).work(found)
    return found


def trained(folder: Path) -> list[str]:
    """Values of each time that the stage has run."""
    notes = folder / "notes.txt"
    return notes.read_text().splitlines() if notes.exists() else []


if __name__ == "__main__":
    given = json.loads(sys.argv[2])
    work(read(given["conf"]), Path(sys.argv[1]), url=given["url"], seconds=given["seconds"])
