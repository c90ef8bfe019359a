"""Local history: the truth about a run, complete without any tracking service.

Each execution of a stage appends JSON lines to `<root>/<run id>/<n>/events.jsonl`, n counting the
executions of one run (a continuation after a kill is the next one). The first line says who is
running; then come `log`, `summary`, `table`, `media`, `artifact` and, unless the process was
killed, `finish`. Every line is flushed, so a kill loses nothing that was logged.

JSON has no NaN and no infinity: such numbers are written as the strings "NaN", "Infinity" and
"-Infinity", which `float` reads back.

A mirror of these events runs in a process of its own (mirror.py). Nothing here waits for it.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import psutil

from polyseme.tracking import launch

EVENTS = "events.jsonl"
TABLES = "tables"
MEDIA = "media"
MAX_ROWS = 10_000
"""What W&B keeps of one table."""
ID_LENGTH = 16


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who is running; the first line of events.jsonl.

    Attributes:
        id: the same for every execution of one stage with the same params.
        name: stage, as in dvc.yaml.
        group: experiment.
        job_type: kind of stage, e.g. `pretrain`.
        tags: words to find the run by.
        config: declared params of the stage, nothing else.
    """

    id: str
    name: str
    group: str
    job_type: str
    tags: tuple[str, ...]
    config: Mapping[str, Any]


class Tracker:
    """Writes the events of one execution of a stage.

    Attributes:
        folder: holds events.jsonl, tables/, media/ and, where there is a mirror, mirror.log and
            the note `mirrored`.
        mirror: process that mirrors the events; None where tracking is off.
    """

    def __init__(self, folder: Path, identity: Identity) -> None:
        self.folder = folder
        self.mirror: launch.Process | None = None
        self._stream = (folder / EVENTS).open("a", encoding="utf-8")
        self._num_kept = 0
        owner = psutil.Process()
        self._write("start", **asdict(identity), pid=owner.pid, started=owner.create_time())

    def log(self, metrics: Mapping[str, float], *, step: int) -> None:
        """One row of history.

        Args:
            metrics: numbers by name; 0-d arrays and tensors are numbers too.
            step: optimizer step, or what counts as one in this stage; never decreasing.
        """
        self._write("log", step=step, metrics={k: float(v) for k, v in metrics.items()})

    def summary(self, values: Mapping[str, Any]) -> None:
        """Facts about the whole run; later values replace earlier ones of the same name."""
        self._write("summary", values=values)

    def table(
        self, name: str, path: Path, *, groups: Sequence[str] = (), most: int = MAX_ROWS
    ) -> None:
        """Keep a copy of a Parquet file; the original may move or change afterwards.

        Args:
            groups: columns; the mirror shows as many rows of each group as of another.
            most: rows that the mirror shows; the copy has all.

        Raises:
            OSError: it cannot be read or copied.
        """
        copy = self._keep(TABLES, name, path)
        self._write("table", name=name, copy=copy, groups=list(groups), most=most)

    def media(self, name: str, path: Path) -> None:
        """Keep a copy of a figure, an SVG file.

        Raises:
            OSError: it cannot be read or copied.
        """
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        self._write("media", name=name, copy=self._keep(MEDIA, name, path), sha256=digest)

    def _keep(self, kind: str, name: str, path: Path) -> str:
        """Copy a file of another folder into this history; returns where it lies in there."""
        safe = re.sub(r"[^\w.-]+", "-", name)
        copy = Path(kind, f"{self._num_kept:03d}-{safe}{path.suffix}")
        (self.folder / kind).mkdir(exist_ok=True)
        shutil.copyfile(path, self.folder / copy)
        self._num_kept += 1
        return copy.as_posix()

    def artifact(
        self, name: str, type: str, path: Path, digest: str, direction: Literal["input", "output"]
    ) -> None:
        """Lineage: this run read or wrote the files with this digest."""
        self._write(
            "artifact",
            name=name,
            type=type,
            path=path.as_posix(),
            digest=digest,
            direction=direction,
        )

    def finish(self, exit_code: int) -> None:
        """Last event; nothing may follow it."""
        self._write("finish", exit_code=exit_code)
        self._stream.close()

    def _write(self, event: str, **content: Any) -> None:
        line = {"event": event, "time": round(time.time(), 3)} | content
        self._stream.write(json.dumps(_plain(line), allow_nan=False) + "\n")
        self._stream.flush()


class Untracked(Tracker):
    """Of a process that leaves the history to another."""

    def __init__(self) -> None:
        self.mirror = None

    def finish(self, exit_code: int) -> None:
        """Nothing to do."""

    def _keep(self, kind: str, name: str, path: Path) -> str:
        return ""

    def _write(self, event: str, **content: Any) -> None:
        """Nothing to do."""


def open_tracker(
    root: Path,
    *,
    experiment: str,
    stage: str,
    params: Mapping[str, Any],
    mode: Literal["off", "offline", "online"],
    tags: Iterable[str] = (),
) -> Tracker:
    """Start the history of one execution and, unless `mode` is off, its mirror.

    Args:
        root: folder of all histories, `.polyseme/tracking`.
        params: declared params of the stage; they become the config of the run.
        mode: off: no mirror; offline: into a local W&B run; online: into W&B.
    """
    identity = Identity(
        id=run_id(experiment, stage, params),
        name=stage,
        group=experiment,
        job_type=stage.partition("@")[0],
        tags=tuple(tags),
        config=params,
    )
    tracker = Tracker(_next_folder(root / identity.id), identity)
    if mode != "off":
        tracker.mirror = launch.start(tracker.folder, mode)
    return tracker


def run_id(experiment: str, stage: str, params: Mapping[str, Any]) -> str:
    """Stable name of a run: the same stage with the same params is the same run."""
    text = json.dumps(_plain([experiment, stage, params]), sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:ID_LENGTH]


def _next_folder(parent: Path) -> Path:
    """A new folder for the next execution: parent/1, parent/2, ..."""
    parent.mkdir(parents=True, exist_ok=True)
    number = 1 + max((int(p.name) for p in parent.iterdir() if p.name.isdecimal()), default=0)
    while True:
        folder = parent / str(number)
        try:
            folder.mkdir()
        except FileExistsError:  # two executions started at once
            number += 1
        else:
            return folder


def _plain(value: Any) -> Any:
    """JSON without NaN: mappings, sequences, paths and numpy scalars become plain values."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
