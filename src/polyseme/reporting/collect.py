"""Gather what a report is made of: result rows, histories, cards and run records.

Only folders of selected items are opened, since an experiment's folder may hold results of items
that were selected earlier. Everything but the run records is verified by its manifest when it is
opened; run records hold what may differ between equal runs (seconds, memory, hardware).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from polyseme import paths, results
from polyseme.errors import DataError
from polyseme.reporting import anchors, checks, made, polysemy, shared
from polyseme.reporting.measurements import INIT, VALUES, Measurements, Row, is_main, ordering
from polyseme.reporting.outcomes import Outcomes
from polyseme.reporting.probe_outcomes import FILE, ProbeOutcomes
from polyseme.reporting.selection import Selection
from polyseme.tasks import base as tasks

Open = Callable[[Path], Path]
Record = dict[str, Any]
History = list[dict[str, float | None]]

RESULTS, HISTORY, FORGETTING = "results.parquet", "history.csv", "forgetting.parquet"
PREDICTIONS = "predictions.parquet"
ANCHORS = Path("conf/anchor")
CORPUS_CARD, TASK_CARD, MODEL_CARD = "card.json", "task.json", "representation.json"


@dataclass
class Evidence:
    """Everything that tables, figures and sentences may state.

    Attributes:
        rows: the whole results table, ordered, with the key `system` besides the columns.
        made: system -> how it came to be, for each selected representation.
        histories: system -> rows of its training history; None where a column was not measured.
        corpora: corpus -> data card.
        tasks: task -> task card.
        forgetting: loss of language models on held-out text while a task is learned, with `system`.
        polysemy: system -> what it makes of words with several senses, if the stage wrote it.
        outcomes: what was predicted of single items, read when it is asked for.
        probed: which answers of probes were right, likewise.
        records: name of a stage (`finetune@wiki-bert`) -> its run record.
        params: the whole params.yaml, of which provenance gives the digest.
        anchors: published figures of conf/anchor, by name.
    """

    experiment: str
    selection: Selection
    params: dict[str, Any]
    rows: Measurements = field(default_factory=lambda: Measurements([]))
    made: dict[str, made.Made] = field(default_factory=dict)
    histories: dict[str, History] = field(default_factory=dict)
    corpora: dict[str, dict[str, Any]] = field(default_factory=dict)
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    forgetting: list[dict[str, Any]] = field(default_factory=list)
    polysemy: dict[str, polysemy.Polysemy] = field(default_factory=dict)
    outcomes: Outcomes = field(default_factory=lambda: Outcomes({}, {}, ()))
    probed: ProbeOutcomes = field(default_factory=lambda: ProbeOutcomes({}, {}))
    records: dict[str, Record] = field(default_factory=dict)
    anchors: dict[str, anchors.Anchor] = field(default_factory=dict)

    def system(self, corpus: str | None, representation: str) -> str:
        """Name of a representation in the report: with its corpus where there are several."""
        several = len(self.selection.corpora) > 1 and corpus is not None
        return f"{representation}@{corpus}" if several else representation

    def systems(self) -> list[str]:
        """Names of all representations that have rows, in the order of the report."""
        stages = ("pretrain", "invariance", "finetune", "probe", "intrinsic")
        found = self.rows.where(stage=stages).distinct("system")
        selected = [self.system(corpus, name) for corpus, name in self.selection.pairs()]
        return [name for name in selected if name in found] + [
            name for name in found if name not in selected
        ]

    def ordered(self) -> list[str]:
        """Names of the selected representations: static, then contextual ones."""
        return sorted(self.made, key=lambda name: not self.made[name].is_static)

    def static(self) -> list[str]:
        """Names of the representations with one vector a type."""
        return [name for name, of in self.made.items() if of.is_static]

    def main_metric(self, task: str) -> str | None:
        """The metric that decides a task: the one that its card names, else the first one."""
        rows, stages = self.rows, ("finetune", "probe")
        metrics = rows.remember(
            ("metrics", task), lambda: rows.where(task=task, stage=stages).distinct("metric")
        )
        named = self.tasks.get(task, {}).get("main_metric")
        if named in metrics:
            return str(named)
        return next(filter(is_main, metrics), None)


def collect(
    experiment: str, selection: Selection, *, params: dict[str, Any], root: Path, open_: Open
) -> Evidence:
    """Read all artifacts of the selected items.

    Args:
        params: the whole params.yaml, for provenance.
        root: project root; artifact paths are relative to it.
        open_: verifies an artifact folder (a path relative to the root) and gives its place.

    Raises:
        DataError: a selected item has no results, or two rows measure the same thing.
    """
    evidence = Evidence(experiment, selection, params)
    reader = _Reader(experiment, root, open_)
    for name in selection.corpora:
        card = reader.folder(paths.corpus(experiment, name)) / CORPUS_CARD
        evidence.corpora[name] = reader.json(card)
        reader.record(f"corpus@{name}")
    for name in selection.tasks:
        evidence.tasks[name] = reader.json(reader.folder(paths.task(experiment, name)) / TASK_CARD)
        reader.record(f"task@{name}")
    rows = _read_models(evidence, reader)
    rows += _read_evaluations(selection, reader)
    rows += _shared(evidence, reader, rows)
    evidence.forgetting = _read_forgetting(evidence, root)
    evidence.polysemy = _read_polysemy(evidence, root)
    evidence.outcomes = Outcomes(_kept(evidence, root), evidence.tasks, selection.strategies)
    evidence.probed = _probed(evidence, root)
    evidence.records = reader.records
    _fill_latency(evidence)
    evidence.anchors = anchors.read(root / ANCHORS)
    for row in rows:
        of = evidence.made.get(
            evidence.system(row["corpus"], row["representation"].removesuffix(INIT))
        )
        made.fill_costs(row, of, reader.records)
    strategies = params.get("strategy", {})
    partners = {name: of["partner"] for name, of in strategies.items() if "partner" in of}
    checks.fill(rows, partners)
    evidence.rows = _ordered(evidence, rows)
    return evidence


class _Reader:
    """Opens folders of one experiment, and remembers the run records of their stages."""

    def __init__(self, experiment: str, root: Path, open_: Open) -> None:
        self.experiment, self.root, self.open_ = experiment, root, open_
        self.records: dict[str, Record] = {}

    def folder(self, path: Path) -> Path:
        if not (self.root / path).is_dir():
            raise DataError("a selected item has no results", where=path, mend="run `dvc repro`")
        return self.open_(path)

    def rows(self, path: Path) -> list[Row]:
        file = self.folder(path) / RESULTS
        if not file.is_file():
            raise DataError("is missing", where=path / RESULTS, mend="run `dvc repro`")
        return results.read(file, schema=results.CHECK_SCHEMA)

    def json(self, path: Path) -> dict[str, Any]:
        if not path.is_file():
            raise DataError("is missing", where=path, mend="run `dvc repro`")
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return content

    def record(self, stage: str) -> None:
        path = self.root / paths.run_record(self.experiment, stage)
        if path.is_file():
            self.records[stage] = json.loads(path.read_text(encoding="utf-8"))


def _read_models(evidence: Evidence, reader: _Reader) -> list[Row]:
    """Rows, histories, cards; a static representation need not have rows, nor a history."""
    rows: list[Row] = []
    for corpus, name in evidence.selection.pairs():
        folder = reader.folder(paths.model(evidence.experiment, corpus, name))
        if (folder / RESULTS).is_file():
            rows += results.read(folder / RESULTS, schema=results.CHECK_SCHEMA)
        system, item = evidence.system(corpus, name), f"{corpus}-{name}"
        if (folder / HISTORY).is_file():
            evidence.histories[system] = _read_history(folder / HISTORY)
        for stage in made.STAGES:
            reader.record(f"{stage}@{item}")
        evidence.made[system] = made.find(reader.json(folder / MODEL_CARD), reader.records, item)
    return rows


def _read_evaluations(selection: Selection, reader: _Reader) -> list[Row]:
    """Rows of every evaluation stage, without tasks, strategies and probes not selected."""
    evaluations = {
        "invariance": selection.tasks,
        "finetune": selection.strategies and selection.tasks,
        "probe": selection.probes and selection.tasks,
        "intrinsic": selection.tasks,
    }
    rows: list[Row] = []
    for stage, wanted in evaluations.items():
        for corpus, name in selection.pairs() if wanted else []:
            rows += reader.rows(paths.results(reader.experiment, stage, corpus, name))
            reader.record(f"{stage}@{corpus}-{name}")
    for corpus in selection.corpora if selection.tasks else ():
        for name in selection.stacked:
            rows += reader.rows(paths.stacked(reader.experiment, corpus, name))
            reader.record(f"stack@{corpus}-{name}")
    if selection.baselines and selection.tasks:
        rows += reader.rows(paths.results(reader.experiment, "baseline"))
        reader.record("baseline")
    return [row for row in rows if _selected(row, selection)]


def _fill_latency(evidence: Evidence) -> None:
    """Put what the stage of the checks has measured beside each representation."""
    for corpus, name in evidence.selection.pairs():
        record = evidence.records.get(f"invariance@{corpus}-{name}", {})
        found = {"threads": record.get("num_threads")} | record.get("latency", {})
        system = evidence.system(corpus, name)
        evidence.made[system] = replace(evidence.made[system], served=found)


def _shared(evidence: Evidence, reader: _Reader, rows: list[Row]) -> list[Row]:
    """Rows of word similarity over the pairs that all representations know."""
    made: list[Row] = []
    if shared.MEASURE not in evidence.selection.intrinsic:
        return made
    draws = evidence.params["intrinsic"][shared.MEASURE]["draws"]
    for task, card in evidence.tasks.items():
        if card.get("family") == shared.MEASURE:
            own = [row for row in rows if row["stage"] == "intrinsic" and row["task"] == task]
            gold = tasks.read(reader.folder(paths.task(reader.experiment, task)), "test").labels
            folder = reader.root / paths.results(reader.experiment, "intrinsic")
            made += shared.of_task(own, folder, gold, draws=draws)
    return made


def _read_forgetting(evidence: Evidence, root: Path) -> list[dict[str, Any]]:
    """Looks beside the results of fine-tuning, whose folders have been verified by now."""
    chosen = evidence.selection
    found = []
    for corpus, name in chosen.pairs():
        folder = root / paths.results(evidence.experiment, "finetune", corpus, name)
        if (path := folder / FORGETTING).is_file():
            looks = pq.read_table(path).to_pylist()
            system = {"system": evidence.system(corpus, name)}
            found += [system | look for look in looks if look["strategy"] in chosen.strategies]
    return [look for look in found if look["task"] in chosen.tasks]


def _kept(evidence: Evidence, root: Path) -> dict[str, list[Path]]:
    """Predictions beside the results of fine-tuning, whose folders have been verified by now."""
    chosen = evidence.selection
    files: dict[str, list[Path]] = {}
    for corpus, name in chosen.pairs():
        folders = [paths.results(evidence.experiment, "finetune", corpus, name)]
        folders += [paths.stacked(evidence.experiment, corpus, name)] * (name in chosen.stacked)
        found = [root / folder / PREDICTIONS for folder in folders]
        files[evidence.system(corpus, name)] = [path for path in found if path.is_file()]
    return files


def _probed(evidence: Evidence, root: Path) -> ProbeOutcomes:
    """Answers beside the results of probes, whose folders have been verified by now."""
    files, names = {}, {}
    for corpus, name in evidence.selection.pairs():
        path = root / paths.results(evidence.experiment, "probe", corpus, name) / FILE
        if path.is_file():
            system = evidence.system(corpus, name)
            files[system], names[system] = path, name
    return ProbeOutcomes(files, names)


def _read_polysemy(evidence: Evidence, root: Path) -> dict[str, polysemy.Polysemy]:
    """Descriptions beside the intrinsic results, whose folders have been verified by now."""
    tasks = [name for name, card in evidence.tasks.items() if card.get("family") == polysemy.FAMILY]
    options = [evidence.params.get("task", {}).get(name, {}) for name in tasks]
    files: dict[str, list[Path]] = {}
    for corpus, name in evidence.selection.pairs():
        folder = root / paths.results(evidence.experiment, "intrinsic", corpus, name)
        found = [folder / f"{task}.json" for task in tasks]
        files[evidence.system(corpus, name)] = [path for path in found if path.is_file()]
    return polysemy.gather(files, [word for each in options for word in each.get("words", ())])


def _selected(row: Row, selection: Selection) -> bool:
    if row["stage"] == "intrinsic" and row["task"] in selection.intrinsic:
        return True
    if row["task"] not in selection.tasks:
        return False
    if row["stage"] == "finetune":
        return row["strategy"] in selection.strategies
    return row["stage"] != "probe" or row["probe"] in selection.probes


def _read_history(path: Path) -> History:
    with path.open(encoding="utf-8", newline="") as stream:
        try:
            return [
                {name: float(text) if text else None for name, text in row.items()}
                for row in csv.DictReader(stream)
            ]
        except (ValueError, TypeError) as error:
            raise DataError(
                f"is not a table of numbers ({error})", where=path, mend="run `dvc repro` again"
            ) from None


def _ordered(evidence: Evidence, rows: list[Row]) -> Measurements:
    """Rows in the order of the report; no two may measure the same thing."""
    chosen = evidence.selection
    names = {
        "corpus": chosen.corpora,
        "representation": chosen.representations,
        "task": (*chosen.tasks, *chosen.intrinsic),
        "strategy": chosen.strategies,
        "probe": chosen.probes,
    }
    seen = set()
    for row in rows:
        row["system"] = evidence.system(row["corpus"], row["representation"])
        key = tuple(row[name] for name in results.SCHEMA.names if name not in VALUES)
        if key in seen:
            about = ", ".join(f"{k}={v}" for k, v in row.items() if v is not None)
            raise DataError("two rows measure the same", where=about, mend="run `dvc repro` again")
        seen.add(key)
    return Measurements(sorted(rows, key=ordering(names)))
