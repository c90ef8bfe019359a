"""Write the tables of docs/tasks.md from conf/, and from data sets in POLYSEME_MIRROR.

    POLYSEME_MIRROR=<folder> python -m benchmarks._tasks

A section has the tasks of some families that read a data set, as they stand in conf/task.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from benchmarks._docs import ROOT
from polyseme.config import build
from polyseme.data.dataset import Dataset
from polyseme.data.fetch import fetch, mirror_folder
from polyseme.errors import DataError
from polyseme.tasks import base
from polyseme.tasks.common import preparation
from polyseme.tasks.common.preparation import Task

PAGE = ROOT / "docs" / "tasks.md"
DATA = Path("artifacts/data")
END = "<!-- end -->"
SECTIONS = {
    "words": ("tagging", "span", "word_sense", "pair", "span_pair", "edge"),
    "sentences": ("classification", "sentence_pair", "relatedness"),
}
"""Families of tasks that a table shows, by the mark of its place."""
COLUMNS = (
    "Task",
    "Train",
    "Valid",
    "Test",
    "Predicts",
    "Metric",
    "In train, too",
    "Licence",
    "Source",
)


def values(group: str, name: str) -> dict[str, Any]:
    """What a conf file says; where it points to a corpus, this is `wiki`."""
    conf = OmegaConf.create({"experiment": "any", group: {}, "corpus": {}})
    for of, item in (("corpus", "wiki"), (group, name)):
        conf[of][item] = OmegaConf.load(ROOT / f"conf/{of}/{item}.yaml")
    found: Any = OmegaConf.to_container(conf[group][name], resolve=True)
    return found


def tasks(section: str) -> Iterator[Task]:
    """The tasks of a section that read a data set with an address, by name."""
    for path in sorted((ROOT / "conf/task").glob("*.yaml")):
        task = preparation.configured(path.stem, values("task", path.stem))
        is_public = Path(task.options.source).parent == DATA and dataset(task).package is None
        if is_public and task.family in SECTIONS[section]:
            yield task


def dataset(task: Task) -> Dataset:
    """The data set that a task reads."""
    name = Path(task.options.source).name
    return build(Dataset, values("dataset", name), file=f"conf/dataset/{name}.yaml")


def prepared(task: Task, folder: Path) -> tuple[dict[str, base.Split], dict[str, Any]]:
    """Splits and card of a task, its data set taken from the mirror.

    Args:
        folder: for data sets; those that are there are not taken again.

    Raises:
        DataError: POLYSEME_MIRROR is not set.
    """
    mirror, name = mirror_folder(), Path(task.options.source).name
    if mirror is None:
        raise DataError("is not set", where="POLYSEME_MIRROR", mend="name the folder of data sets")
    if not (folder / name).exists():
        downloads = folder / "downloads"
        fetch(
            dataset(task),
            name,
            out=folder / name,
            downloads=downloads,
            mirror=mirror,
            progress=False,
        )
    return preparation.prepare(task, folder / name)


def row(task: Task, splits: Mapping[str, base.Split], card: Mapping[str, Any]) -> list[str]:
    """A row of the table."""
    source, labels = dataset(task), splits["train"].labels
    predicted = f"{len(base.label_names(labels))} classes"
    if card["family"] == "relatedness":
        predicted = f"{min(labels):g} to {max(labels):g}"
    twice = " / ".join(f"{card['also_in_train'][name]:,}" for name in ("valid", "test"))
    sizes = [f"{len(splits[name]):,}" for name in base.SPLITS]
    title = f"[{source.title}]({source.homepage})" if source.homepage else source.title
    metric = card["main_metric"].replace("_", " ")
    return [f"`{task.name}`", *sizes, predicted, metric, twice, source.licence, title]


def content(section: str, folder: Path) -> str:
    """The table of a section."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
    for task in tasks(section):
        lines.append("| " + " | ".join(row(task, *prepared(task, folder))) + " |")
    return "\n".join(lines)


def shown(section: str) -> str:
    """The table that stands in the page."""
    return PAGE.read_text().split(_begin(section))[1].split(END)[0].rstrip("\n")


def _begin(section: str) -> str:
    return f"<!-- tasks: {section} -->\n"


def put(section: str, table: str) -> None:
    """Put a table in the place of the one that is shown."""
    before, _, after = PAGE.read_text().partition(_begin(section))
    PAGE.write_text(f"{before}{_begin(section)}{table}\n{END}{after.partition(END)[2]}")


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        for section in SECTIONS:
            put(section, content(section, Path(folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
