"""Stage fetch@<dataset>: the verified bytes of a data set."""

from __future__ import annotations

from polyseme import paths
from polyseme.config import build
from polyseme.data.dataset import Dataset
from polyseme.data.fetch import fetch, mirror_folder
from polyseme.runtime.stage import Stage, run


def main(stage: Stage) -> None:
    name = stage.args["dataset"]
    values = stage.params["dataset"][name]
    dataset = build(Dataset, values, file=f"conf/dataset/{name}.yaml", key=f"dataset.{name}")
    fetch(
        dataset,
        name,
        out=stage.output(paths.dataset(name)),
        downloads=stage.scratch / "downloads",
        mirror=mirror_folder(),
        progress=stage.runtime.progress,
    )
    stage.tracker.summary({"bytes": sum(file.size for file in dataset.files)})


if __name__ == "__main__":
    run(main, "dataset")
