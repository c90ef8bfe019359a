"""Run one stage in a folder of its own, in a forked process, and watch it.

The worker has imported what stages need, so a stage begins at once; what it does with memory,
threads or a crash stays in its process. The stage runs under its usual guard (runtime/stage.py): it
dies with the worker, continues from its checkpoint after a kill, and writes whole outputs.
"""

from __future__ import annotations

import fcntl
import json
import os
import runpy
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from polyseme import paths
from polyseme.errors import PolysemeError, PreemptedError, ResourceError
from polyseme.runtime import manifest, preempt, whole
from polyseme.sweeps.jobs import Place

ROOT = paths.SCRATCH / "sweeps"
STAGES = ROOT / "stages"
DONE, LOG, LOCK = "done.json", "log.txt", "lock"
POLL_SECONDS = 0.05
KILLED = 128

Watch = Callable[[dict[str, float]], None]
"""Given each row of history that holds a look at held-out text; may raise to end the stage."""


class StageFailed(PolysemeError):
    """A stage ended with an error of its own, whose exit code this carries."""

    def __init__(self, line: str, code: int) -> None:
        super().__init__(line)
        self.exit_code = code


@dataclass(frozen=True)
class Finished:
    """A stage that has run.

    Attributes:
        outs: path in the project -> where it lies.
        record: run record of the stage.
        was_there: whether nothing had to run.
    """

    outs: dict[str, Path]
    record: dict[str, Any]
    was_there: bool = False

    @property
    def results(self) -> Iterator[Path]:
        """Tables of results among the outs."""
        for folder in self.outs.values():
            if (folder / "results.parquet").exists():
                yield folder / "results.parquet"


def run(place: Place, root: Path, watch: Watch, idle: Callable[[], None]) -> Finished:
    """Run a stage, unless the same one has run.

    Args:
        root: of the project.
        watch: as above; a stage that has run already is watched again.
        idle: called about 20 times a second.

    Raises:
        StageFailed: the stage's error.
    """
    folder = root / STAGES / place.digest
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / LOCK, idle):
        looks = _Looks(folder)
        found = _finished(place, folder)
        if found is None:
            looks.pass_on(watch)  # of an earlier attempt
            _prepare(place, folder, root)
            try:
                _follow(_start(place, folder, root), folder, looks, watch, idle)
            except PreemptedError:  # the next one to ask for the trial's values continues it
                raise
            except Exception:  # nobody continues it, unlike after a kill
                drop_scratch(folder)
                raise
            found = _keep(place, folder)
        looks.pass_on(watch)
    return found


@contextmanager
def _locked(path: Path, idle: Callable[[], None]) -> Iterator[None]:
    """Wait until no other worker runs the same stage; the lock goes with its holder."""
    with path.open("a") as stream:
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if preempt.asked():
                    mend = "run it again to continue"
                    raise PreemptedError("preempted", where=path, mend=mend) from None
                idle()
                time.sleep(POLL_SECONDS)
        yield


def _finished(place: Place, folder: Path) -> Finished | None:
    """The stage as it ran; None if it did not, or if what it left is damaged."""
    outs = {path: folder / path for path in place.entry.outs}
    try:
        note = json.loads((folder / DONE).read_text())
        for path, where in outs.items():
            if where.is_dir() and manifest.verify(where) != note["outs"][path]:
                return None
        return Finished(outs, note["record"], was_there=True)
    except (OSError, ValueError, KeyError, TypeError, PolysemeError):
        return None


def _keep(place: Place, folder: Path) -> Finished:
    """Note that it is done, and drop what only a continuation needs."""
    outs = {path: folder / path for path in place.entry.outs}
    record: dict[str, Any] = next(
        (json.loads(o.read_text()) for o in outs.values() if o.is_file()), {}
    )
    digests = {path: manifest.digest(o) for path, o in outs.items() if o.is_dir()}
    whole.write_text(folder / DONE, json.dumps({"outs": digests, "record": record}, indent=1))
    drop_scratch(folder)
    return Finished(outs, record)


def drop_scratch(folder: Path) -> None:
    """Remove checkpoints and caches of a stage; its history stays."""
    for each in (folder / paths.SCRATCH).glob("*"):
        if each.name != "tracking":
            shutil.rmtree(each, ignore_errors=True)


def _prepare(place: Place, folder: Path, root: Path) -> None:
    """Params, dvc.yaml and links to the inputs; what the stage needs of a project."""
    (folder / DONE).unlink(missing_ok=True)
    params = dict(place.entry.params)
    params["runtime"] = {**params["runtime"], "tracking": "off", "progress": False}
    (folder / "params.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create(params)))
    shutil.copyfile(root / "dvc.yaml", folder / "dvc.yaml")
    for path in place.entry.outs:
        where = folder / path
        where.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(where, ignore_errors=True)
    for path, target in place.links.items():
        link = folder / path
        link.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            link.unlink()
        link.symlink_to(target.resolve())


def _start(place: Place, folder: Path, root: Path) -> int:
    """Fork; the child never returns."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        code = 70
        try:
            code = _in_child(place, folder, root)
        finally:
            with suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)
    return child


def _in_child(place: Place, folder: Path, root: Path) -> int:
    """Be the stage's process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-c ends the worker, and this with it
    os.chdir(folder)
    log = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.stdout = sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
    os.environ["DVC_STAGE"] = place.entry.job.name
    os.environ.pop("DVC_ROOT", None)
    sys.argv = [place.entry.script, *place.entry.job.args]
    try:
        runpy.run_path(str(root / place.entry.script), run_name="__main__")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


def _follow(
    child: int, folder: Path, looks: _Looks, watch: Watch, idle: Callable[[], None]
) -> None:
    """Wait for the child, which ends when anything is raised here."""
    try:
        while True:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                break
            if preempt.asked():
                preempt.pass_on(child)  # which ends as soon as it has saved
            looks.pass_on(watch)
            idle()
            time.sleep(POLL_SECONDS)
    except BaseException:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    code = os.waitstatus_to_exitcode(status)
    if code and preempt.asked():
        raise PreemptedError("preempted", mend="the same command continues it")
    if code:
        raise _failure(folder, code)


def _failure(folder: Path, code: int) -> PolysemeError:
    """The stage's own line."""
    text = (folder / LOG).read_text(errors="replace") if (folder / LOG).exists() else ""
    lines = [line for line in text.splitlines() if line.startswith("error: ")]
    if code < 0:
        name = signal.Signals(-code).name
        line = f"the stage was ended by {name}, most often for memory; its log is {folder / LOG}"
        return StageFailed(line, KILLED - code)
    line = lines[-1].removeprefix("error: ") if lines else f"exit code {code}; see {folder / LOG}"
    if code == ResourceError.exit_code:
        return ResourceError(line)
    return StageFailed(line, code)


class _Looks:
    """Reads new rows of held-out loss from the history of a stage, each step once."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / paths.SCRATCH / "tracking"
        self.read: dict[Path, int] = {}
        self.steps: set[int] = set()

    def pass_on(self, watch: Watch) -> None:
        """Give rows that are new to `watch`."""
        files = self.root.glob("*/*/events.jsonl")
        for file in sorted(files, key=lambda f: (int(f.parent.name), f.parent.parent.name)):
            for row in self._new(file):
                watch(row)

    def _new(self, file: Path) -> Iterator[dict[str, float]]:
        with file.open("rb") as stream:
            stream.seek(self.read.get(file, 0))
            for line in stream:
                if not line.endswith(b"\n"):
                    return  # half written
                self.read[file] = self.read.get(file, 0) + len(line)
                event = json.loads(line)
                metrics = event.get("metrics", {})
                if "valid_loss" in metrics and event["step"] not in self.steps:
                    self.steps.add(event["step"])
                    yield {name: float(value) for name, value in metrics.items()}


def preload(scripts: list[Path]) -> None:
    """Import what scripts of stages import, so that a fork has it."""
    import lightning.pytorch  # noqa: F401 - what training loads late

    for script in scripts:
        runpy.run_path(str(script), run_name="preloaded")
