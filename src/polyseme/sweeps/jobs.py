"""The stages of a trial, as dvc.yaml has them: command, params, what is read and what is written.

A trial runs the pipeline's own scripts on the project's finished corpus and tasks, and each stage
in a folder of its own, named by the hash of everything that its result follows from. So a stage
that any trial of any sweep has run is not run again, and neither params.yaml nor dvc.lock nor
artifacts/ of the project is touched.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from polyseme.errors import ConfigError, DataError
from polyseme.runtime import manifest, settings
from polyseme.runtime.stage import trained_by
from polyseme.sweeps.conf import STAGES, Family, Sweep

ARTIFACTS = "artifacts/"
EACH = ("corpus", "task")
"""Stages of one item; the others are of a corpus and a model."""


@dataclass(frozen=True)
class Job:
    """One stage: `pretrain@controlled-bert` and the words of its command line."""

    kind: str
    args: tuple[str, ...]

    @property
    def name(self) -> str:
        """As dvc.yaml names it."""
        return f"{self.kind}@{'-'.join(self.args[1:])}"


def expand(sweep: Sweep, family: Family, params: Mapping[str, Any]) -> list[Job]:
    """The jobs of a family's trials, in the order in which they run."""
    found = []
    for kind in (stage for stage in STAGES if stage in family.stages):
        if kind == "task":
            names = [(task,) for task in params["tasks"]]
        else:
            names = [(sweep.corpus,) if kind == "corpus" else (sweep.corpus, family.model)]  # type: ignore[list-item]
        found += [Job(kind, (sweep.experiment, *name)) for name in names]
    return found


@cache
def dag(file: Path = Path("dvc.yaml")) -> dict[str, Any]:
    """Stages of dvc.yaml."""
    if not file.is_file():
        raise ConfigError("is missing", where=file, mend="go to the project's folder")
    content: Any = OmegaConf.to_container(OmegaConf.load(file))
    stages: dict[str, Any] = content["stages"]
    return stages


class Entry:
    """What dvc.yaml says about a job, with names filled in."""

    def __init__(self, job: Job, params: Mapping[str, Any]) -> None:
        stage = dag()[job.kind]
        self.job, self.params = job, params
        self._stage = stage.get("do", stage)
        words = self._stage["cmd"].split()
        self.script = words[1]
        self._meant = dict(zip(words[2:], job.args, strict=True))
        if job.kind in EACH:
            item = params[job.kind][job.args[-1]]
            self._meant |= {f"${{item.{k}}}": str(v) for k, v in item.items()}

    def _filled(self, key: str) -> list[str]:
        templates = self._stage.get(key, [])
        return [re.sub(r"\$\{[^}]*\}", lambda mark: self._meant[mark[0]], t) for t in templates]

    @property
    def outs(self) -> list[str]:
        """Folders and files that it writes."""
        return self._filled("outs")

    @property
    def keys(self) -> list[str]:
        """Dotted keys of the params that it is given."""
        return self._filled("params")

    @property
    def declared(self) -> dict[str, Any]:
        """Its params by dotted key."""
        whole = OmegaConf.create(dict(self.params))
        found = {key: OmegaConf.select(whole, key) for key in self.keys}
        return {
            key: OmegaConf.to_container(value) if OmegaConf.is_config(value) else value
            for key, value in found.items()
        }

    def inputs(self) -> Iterator[str]:
        """What it reads; of the folder of all tasks, the selected ones."""
        for path in self._filled("deps"):
            if path == f"{ARTIFACTS}{self.job.args[0]}/task":
                yield from (f"{path}/{task}" for task in self.params["tasks"])
            else:
                yield path


@dataclass(frozen=True)
class Place:
    """Where a job runs.

    Attributes:
        digest: of all that its result follows from.
        links: what it reads, by path in the project: the file or folder that stands there.
    """

    entry: Entry
    digest: str
    links: Mapping[str, Path]


def place(entry: Entry, made: Mapping[str, Path], root: Path) -> Place:
    """Find the inputs of a job and what it follows from.

    Args:
        made: outs of earlier jobs of the trial -> where they lie.
        root: of the project.

    Raises:
        DataError: an artifact of the project is not there.
    """
    links = {path: made.get(path, root / path) for path in entry.inputs()}
    digests = {path: content(path, where) for path, where in links.items()}
    identity = {
        "stage": entry.job.name,
        "params": entry.declared,
        "inputs": digests,
        "script": manifest.sha256(root / entry.script),
        "code": trained_by(),
        "how": how(settings.read(entry.params["runtime"])),
    }
    return Place(entry, manifest.canonical(identity)[:32], links)


def content(path: str, where: Path) -> str:
    """Hash of an artifact by its manifest, or of a source."""
    if (where / manifest.NAME).exists():
        return manifest.digest(where)
    if not where.exists():
        raise DataError(
            "is missing: trials start from finished artifacts",
            where=path,
            mend="run `make repro`, or `make params EXPERIMENT=...` and `dvc repro corpus task`",
        )
    files = sorted(each for each in where.rglob("*") if each.is_file()) or [where]
    named = [(f.relative_to(where).as_posix(), f) for f in files if "__pycache__" not in f.parts]
    return manifest.canonical([[name, manifest.sha256(file)] for name, file in named])


def how(runtime: settings.Runtime) -> list[Any]:
    """What may change the last bits of a result besides params and inputs.

    A gpu is not asked: that would start CUDA in the process that later forks.
    """
    is_cpu = runtime.accelerator == "cpu"
    precision = settings.precision(runtime) if is_cpu else runtime.precision
    flags = settings.cpu_flags()
    return [
        precision,
        runtime.num_threads,
        runtime.num_processes,
        runtime.strategy,
        runtime.accelerator,
        runtime.feature_type,
        manifest.canonical(flags),
        settings.versions(),
    ]


def changed(params: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the params with other values at some dotted keys."""
    result: dict[str, Any] = copy.deepcopy(dict(params))
    for key, value in values.items():
        *parents, last = key.split(".")
        at = result
        for parent in parents:
            at = at[parent]
        at[last] = value
    return result


def is_read(key: str, entries: Sequence[Entry]) -> bool:
    """Whether one of the jobs is given the param of that key."""
    given = {each for entry in entries for each in entry.keys}
    return any(key == each or key.startswith(f"{each}.") for each in given)
