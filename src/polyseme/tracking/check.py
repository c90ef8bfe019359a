"""Is everything that was logged in the offline runs of W&B, so that they sync without loss?

    python -m polyseme.tracking.check [.polyseme/tracking]

Compares every local history with the W&B run that it was mirrored into, read back from disk:
config, rows and values of history, summary, tables, media, lineage and exit code. A history that
was mirrored again needs one W&B run that holds all of it. One line for each history that is not
whole there, with the command that mirrors it again; exit code 1 if there is one.

What happens on the way to the server and on it is not checked.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from polyseme import paths
from polyseme.errors import DataError, IntegrityError, PolysemeError
from polyseme.runtime import failures
from polyseme.tracking import offline, writer
from polyseme.tracking.local import EVENTS
from polyseme.tracking.mirror import MIRRORED, is_alive
from polyseme.tracking.tables import cells

OWNER = frozenset({"event", "pid", "started", "name", "id"})
"""Of the first line."""
SHOWN = 3
KILLED = 1
"""Exit code of a run whose stage never finished."""


@dataclass
class Local:
    """A local history, put together as W&B puts it together.

    Attributes:
        tables: name -> event of the last table of this name; media alike.
        outputs: name of artifact -> digest.
    """

    start: dict[str, Any]
    rows: dict[int, dict[str, float]] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    media: dict[str, dict[str, Any]] = field(default_factory=dict)
    lineage: dict[str, dict[str, str]] = field(default_factory=dict)
    exit_code: int = KILLED

    def add(self, event: dict[str, Any]) -> None:
        """Take in one event after the first."""
        kind = event["event"]
        if kind == "log":
            row = {name: float(value) for name, value in event["metrics"].items()}
            self.rows.setdefault(event["step"], {}).update(row)
        elif kind == "summary":
            self.summary |= event["values"]
        elif kind == "artifact":
            self.lineage.setdefault(event["direction"] + "s", {})[event["name"]] = event["digest"]
        elif kind == "finish":
            self.exit_code = event["exit_code"]
        else:
            {"table": self.tables, "media": self.media}[kind][event["name"]] = event


def read_local(folder: Path) -> Local:
    """The history in a folder; a last line that a kill has cut does not count.

    Raises:
        DataError: it is no history.
    """
    try:
        lines = (folder / EVENTS).read_text(encoding="utf-8").splitlines(keepends=True)
        events = [json.loads(line) for line in lines if line.endswith("\n")]
        if missing := OWNER - dict(events[0]).keys():
            raise KeyError(*sorted(missing))
        local = Local(events[0])
        for event in events[1:]:
            local.add(event)
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise DataError(
            f"is no local history ({error})", where=folder / EVENTS, mend="remove its folder"
        ) from error
    return local


def check(folder: Path) -> list[str]:
    """What of the history in `folder` no W&B run on disk holds; empty: all is there."""
    local = read_local(folder)
    found = [list(_differences(local, folder, run)) for run in _mirrored(folder)]
    return min(found, key=len) if found else ["it was never mirrored"]


def _mirrored(folder: Path) -> Iterator[Path]:
    """Folders of the W&B runs that this history was mirrored into, those that are there."""
    note = folder / MIRRORED
    for line in dict.fromkeys(note.read_text().splitlines() if note.is_file() else []):
        if (run := folder.resolve().parents[2] / line).is_dir():
            yield run


def _differences(local: Local, folder: Path, run: Path) -> Iterator[str]:
    written = sorted(run.glob("*.wandb"))
    if not written:
        yield f"{run.name} holds no .wandb file"
        return
    try:
        recorded = offline.read(written[0])
    except IntegrityError as error:
        yield str(error)
        return
    if not recorded.whole:
        yield f"{run.name} was cut"
    if recorded.run_id != local.start["id"]:
        yield f"{run.name} is run {recorded.run_id!r}, not {local.start['id']!r}"
    if not same(recorded.config, local.start["config"]):
        yield "config differs"
    yield from _rows(local, recorded)
    yield from _summary(local, recorded)
    yield from _files(local, recorded, folder, run)
    if recorded.exit_code != local.exit_code:
        yield f"exit code is {recorded.exit_code}, not {local.exit_code}"


def _summary(local: Local, recorded: offline.Recorded) -> Iterator[str]:
    facts = local.summary | ({"lineage": local.lineage} if local.lineage else {})
    for name, value in facts.items():
        if not _holds(mirrored := recorded.summary.get(name), value):
            yield f"summary: {name} is {mirrored!r}, not {value!r}"


def _files(local: Local, recorded: offline.Recorded, folder: Path, run: Path) -> Iterator[str]:
    shown: dict[str, Any] = {}
    for row in recorded.rows.values():
        shown |= {name: value for name, value in row.items() if isinstance(value, dict)}
    for name, event in local.tables.items():
        if not _same_table(event, folder, run, shown.get(name)):
            yield f"table {name} differs"
    left_out = recorded.summary.get("media_left_out", [])
    for name, event in local.media.items():
        if name not in left_out and not _same_page(event, folder, run, shown.get(name)):
            yield f"media {name} differs"


def _rows(local: Local, recorded: offline.Recorded) -> Iterator[str]:
    for step, row in local.rows.items():
        mirrored = recorded.rows.get(step)
        if mirrored is None:
            yield f"row of step {step} is missing"
            continue
        for name, value in row.items():
            if not same(mirrored.get(name), value):
                yield f"row of step {step}: {name} is {mirrored.get(name)}, not {value}"
    for step in recorded.rows.keys() - local.rows.keys():
        if any(not isinstance(value, dict) for value in recorded.rows[step].values()):
            yield f"row of step {step} was never logged"


def same(one: Any, other: Any) -> bool:
    """Equality of JSON values in which NaN equals NaN."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return bool(one == other)


def _holds(mirrored: Any, value: Any) -> bool:
    """Whether a value of the summary is there; a mapping may have more keys."""
    if isinstance(value, Mapping) and isinstance(mirrored, Mapping):
        return all(_holds(mirrored.get(key), inner) for key, inner in value.items())
    return same(mirrored, value)


def _same_table(event: dict[str, Any], folder: Path, run: Path, shown: Any) -> bool:
    columns, rows, _ = cells(*writer.table_arguments(event, folder))
    content = _file(run, shown)
    if content is None:
        return False
    table = json.loads(content)
    return same([table["columns"], table["data"]], [columns, rows])


def _same_page(event: dict[str, Any], folder: Path, run: Path, shown: Any) -> bool:
    figure = (folder / event["copy"]).read_bytes()
    page = writer.PAGE.format(figure.decode()).encode()
    return sha256(figure).hexdigest() == event["sha256"] and _file(run, shown) == page


def _file(run: Path, shown: Any) -> bytes | None:
    """The file that a row of history names."""
    if not isinstance(shown, dict) or not isinstance(shown.get("path"), str):
        return None
    path = run / "files" / shown["path"]
    return path.read_bytes() if path.is_file() else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Check all histories under a folder; returns the exit code."""
    parser = argparse.ArgumentParser(description="Do offline runs of W&B hold all that was logged?")
    default = paths.SCRATCH / "tracking"
    parser.add_argument("folder", type=Path, nargs="?", default=default, help=str(default))
    try:
        return _report(parser.parse_args(arguments).folder)
    except (PolysemeError, OSError) as error:
        line = failures.explain(error, "check")
        print(f"error: {line}", file=sys.stderr)
        return line.exit_code


def _report(root: Path) -> int:
    histories = sorted(path.parent for path in root.rglob(EVENTS) if path.stat().st_size)
    if not histories:
        raise DataError("holds no local history", where=root, mend="name .polyseme/tracking")
    lost = running = 0
    for folder in histories:
        start = read_local(folder).start
        if is_alive(start):
            running += 1
        elif found := check(folder):
            lost += 1
            more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
            again = f"python -m polyseme.tracking.mirror {folder} --mode offline"
            print(f"{folder} ({start['name']}): {'; '.join(found[:SHOWN])}{more}; again: {again}")
    whole = len(histories) - lost - running
    print(f"{len(histories)} histories: {whole} whole, {lost} not, {running} still running")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
