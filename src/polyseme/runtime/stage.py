"""One guard around every stage.

A pipeline script gives its body to `run`. The guard then

- dies with dvc, and holds the stage's lock (see guard.py);
- gives the body exactly the params that dvc.yaml declares for the stage;
- verifies the sha256 manifest of each input when the body asks for it;
- lets the body write into temporary folders, and puts them in place, with a manifest, only when
  the body has returned;
- keeps a scratch folder, named by params, inputs and the source of models and training, that
  survives `kill -9`, and empties it after success;
- writes a run record (seconds, memory, energy, versions, hardware) apart from the artifacts, whose
  bytes are the same in every run;
- turns any error into one line and an exit code (errors.py); a defect leaves its traceback in
  .polyseme/log/;
- where torchrun or srun started several processes of a stage that can share its work, lets the
  first one do all of this; the others read inputs and follow (world.py).
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from polyseme import paths
from polyseme.errors import EXIT_DEFECT, ConfigError, DataError
from polyseme.runtime import (
    declared,
    energy,
    failures,
    guard,
    manifest,
    preempt,
    settings,
    whole,
    world,
)

if TYPE_CHECKING:
    from polyseme.tracking.local import Tracker

KEEP_ELAPSED_SECONDS = 2.0
RSS_BYTES = 1 if sys.platform == "darwin" else 1024
"""Unit of ru_maxrss: kibibytes, but bytes on macOS."""
TRAINING_CODE = ("models", "models/common", "training")


class Stage:
    """What the body of a stage may use.

    Attributes:
        name: as in dvc.yaml, `pretrain@wiki-bert`.
        args: names from the command line, `experiment` among them.
        params: the declared params, nested as in params.yaml.
        runtime: how to run (threads, device, precision).
        world: the processes that a launcher started; None where it did not.
        tracker: local history and its mirror.
        record: facts for the run record; values may differ between equal runs.
    """

    def __init__(
        self,
        name: str,
        *,
        args: Mapping[str, str],
        params: Mapping[str, Any],
        runtime: settings.Runtime,
        world: world.World | None = None,
    ) -> None:
        self.world = world
        self.name, self.args, self.params, self.runtime = name, dict(args), dict(params), runtime
        self.record: dict[str, Any] = {}
        self.inputs: dict[str, str] = {}
        self._energy = energy.Meter(has_gpu=runtime.accelerator == "gpu")
        self.tracker = self._open_tracker()
        self._outputs: dict[Path, Path] = {}
        self._scratch: Path | None = None
        self._started = self._last_kept = time.monotonic()
        self._seconds_before = 0.0

    @property
    def kind(self) -> str:
        """`pretrain` of `pretrain@wiki-bert`."""
        return self.name.partition("@")[0]

    @property
    def follows(self) -> bool:
        """Whether another process of the same stage writes what there is to write."""
        return self.world is not None and self.world.rank > 0

    def _open_tracker(self) -> Tracker:
        from polyseme.tracking.local import Untracked, open_tracker

        if self.follows:
            return Untracked()
        return open_tracker(
            paths.SCRATCH / "tracking",
            experiment=self.args.get("experiment", "data"),
            stage=self.name,
            params=self.params,
            mode=self.runtime.tracking,
            tags=[
                self.name.partition("@")[0],
                *self.args.values(),
                settings.precision(self.runtime),
            ],
        )

    def input(self, path: Path) -> Path:
        """An artifact of an earlier stage, verified.

        Raises:
            IntegrityError: its bytes are not those that its stage wrote.
        """
        digest = self.inputs[path.as_posix()] = manifest.verify(path)
        self.tracker.artifact(path.as_posix(), _type(path), path, digest, "input")
        return path

    def made_by(self, module: ModuleType) -> None:
        """Note the source of an item in the lineage of what it writes.

        Stages further on depend on the artifact, and so run again when the item's file changes,
        even if what it wrote is the same.
        """
        self.inputs[module.__name__] = manifest.sha256(Path(str(module.__file__)))

    def source(self, path: Path) -> Path:
        """A file or folder of the user's own, or a verified artifact if it carries a manifest.

        Raises:
            DataError: it does not exist.
        """
        if (path / manifest.NAME).exists():
            return self.input(path)
        if not path.exists():
            raise DataError("does not exist", where=path, mend="check `source` in its conf file")
        return path

    def output(self, path: Path) -> Path:
        """A folder to write into; it becomes `path` when the body has returned."""
        path.parent.mkdir(parents=True, exist_ok=True)
        for stale in path.parent.glob(f".{path.name}.tmp-*"):
            shutil.rmtree(stale)
        temporary = whole.beside(path)
        temporary.mkdir()
        self._outputs[path] = temporary
        return temporary

    @property
    def scratch(self) -> Path:
        """Folder for unfinished work; the same one after a kill.

        Other params, inputs or sources of what trains have another one, so that nothing continues
        what another program began; another number of processes does. Ask for it after all inputs.
        """
        if self._scratch is None:
            runtime = self.runtime
            how = [settings.precision(runtime), runtime.num_threads, runtime.accelerator]
            key = manifest.canonical([self.params, self.inputs, how, trained_by()])[:16]
            self._scratch = paths.SCRATCH / "scratch" / self.name / key
            self._scratch.mkdir(parents=True, exist_ok=True)
            with suppress(OSError, ValueError):
                self._seconds_before = float((self._scratch / "elapsed").read_text())
        return self._scratch

    @property
    def seconds(self) -> float:
        """Wall-clock seconds of this stage, killed attempts that it continues included."""
        return self._seconds_before + time.monotonic() - self._started

    def tick(self) -> None:
        """Keep the elapsed time now and then, for a continuation after a kill."""
        if self._scratch and time.monotonic() - self._last_kept > KEEP_ELAPSED_SECONDS:
            self._last_kept = time.monotonic()
            with suppress(OSError):
                (self._scratch / "elapsed").write_text(f"{self.seconds:.1f}")

    def finish(self) -> None:
        """Put the outputs in place, each whole, then the run record."""
        for path, temporary in self._outputs.items():
            digest = manifest.write(temporary, stage=self.name, inputs=self.inputs)
            self.tracker.artifact(path.as_posix(), _type(path), path, digest, "output")
            whole.put(temporary, path)
        if "experiment" in self.args and self.kind != "report":  # the report reads all records
            self._write_record(paths.run_record(self.args["experiment"], self.name))
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def _write_record(self, path: Path) -> None:
        usage = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        facts = {
            "stage": self.name,
            "seconds": round(self.seconds, 3),
            "joules": self._energy.joules(),
            "peak_memory_bytes": max(u.ru_maxrss for u in usage) * RSS_BYTES,
            "num_threads": self.runtime.num_threads,
            "num_processes": self.runtime.num_processes,
            "precision": settings.precision(self.runtime),
            "accelerator": self.runtime.accelerator,
            "hardware": settings.hardware(),
            "versions": settings.versions(),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        whole.write_text(path, json.dumps(facts | self.record, indent=1, sort_keys=True) + "\n")

    def discard(self) -> None:
        """Remove what was not finished; scratch stays for the next attempt."""
        for temporary in self._outputs.values():
            shutil.rmtree(temporary, ignore_errors=True)


def trained_by(package: Path = Path(__file__).parents[1]) -> str:
    """Hash of the sources that a checkpoint follows from."""
    files = [file for folder in TRAINING_CODE for file in sorted((package / folder).glob("*.py"))]
    return manifest.canonical(
        [[file.relative_to(package).as_posix(), manifest.sha256(file)] for file in files]
    )


def _type(path: Path) -> str:
    """What kind of artifact it is: data, corpus, model, finetune, ..., reports."""
    parts = path.parts
    return parts[2] if len(parts) > 2 and parts[1] != "data" else parts[-2]  # noqa: PLR2004


def run(body: Callable[[Stage], None], *names: str, shares: bool = False) -> None:
    """Run the body of a stage; never returns normally on an error.

    Args:
        body: does the work, through the Stage that it is given.
        names: names of the command-line arguments.
        shares: whether several processes of a launcher can share the work.
    """
    name = os.environ.get("DVC_STAGE", "stage")
    try:
        ticks: list[Callable[[], None]] = []
        guard.die_with_ancestors(lambda: [tick() for tick in ticks])
        preempt.obey()
        guard.refuse_orphan()  # after the watch began: dvc cannot go unseen in between
        code = _run(body, names, ticks, shares)
    except Exception as error:
        line = failures.explain(error, name)
        print(f"error: {line}", file=sys.stderr)
        code = line.exit_code
    sys.exit(code)


def _run(
    body: Callable[[Stage], None],
    names: tuple[str, ...],
    ticks: list[Callable[[], None]],
    shares: bool,
) -> int:
    place = world.launched(os.environ)
    name = _name(names, place)
    if place and place.size > 1 and not shares:
        what = f"{place.launcher} started {place.size} processes"
        raise ConfigError(what, where=name, mend="start one: only pre-training is shared")
    follows = place is not None and place.rank > 0
    lock = nullcontext() if follows else guard.lock(paths.SCRATCH / "lock" / f"{name}.lock")
    with lock:
        runtime = declared.runtime()
        _pin_threads(runtime)
        declared.check()
        stage = Stage(
            name,
            args=dict(zip(names, sys.argv[1:], strict=True)),
            params=declared.params(name, sys.argv[1:]),
            runtime=runtime,
            world=place,
        )
        if not follows:
            ticks.append(stage.tick)
        return _guarded(body, stage)


def _name(names: tuple[str, ...], place: world.World | None) -> str:
    """Of the stage, as in dvc.yaml: dvc gives it, or it follows from a launcher's command."""
    name = os.environ.get("DVC_STAGE")
    if place is not None and name is None:
        name = f"{Path(sys.argv[0]).stem}@{'-'.join(sys.argv[2:])}"
    if len(sys.argv) != len(names) + 1 or name is None:
        usage = f"python {sys.argv[0]} {' '.join(f'<{n}>' for n in names)}"
        raise ConfigError(
            "a stage is started by dvc", where=usage, mend="run `make repro` or `dvc repro <stage>`"
        )
    return name


def _guarded(body: Callable[[Stage], None], stage: Stage) -> int:
    code = EXIT_DEFECT
    who, log = ("", stage.name)
    if stage.follows:
        who, log = f"{stage.world}: ", f"{stage.name}-{os.getpid()}"
    try:
        body(stage)
        if not stage.follows:
            stage.finish()
        code = 0
    except Exception as error:
        line = failures.explain(error, log)
        print(f"error: {who}{line}", file=sys.stderr)
        code = line.exit_code
    except (KeyboardInterrupt, SystemExit):  # Lightning turns the one into the other
        print(f"{stage.name}: interrupted; `dvc repro` continues it", file=sys.stderr)
        code = 130
    finally:
        stage.discard()
        with suppress(OSError):
            stage.tracker.finish(code)
    return code


def _pin_threads(runtime: settings.Runtime) -> None:
    """Set the number of threads before numpy and torch are imported."""
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(runtime.num_threads)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
