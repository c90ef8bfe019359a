"""`polyseme sweep` and `polyseme sweep-promote`."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polyseme.errors import ConfigError, PolysemeError
from polyseme.executors import base as executors
from polyseme.executors.base import Command, Executor
from polyseme.runtime import settings, whole

if TYPE_CHECKING:
    from polyseme.sweeps import conf

INTERRUPTED = 130

STORAGE = "POLYSEME_STORAGE"
"""Variable with the URL of the study, where it is not on the command line."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add both commands."""
    told = "search hyper-parameters as conf/sweep/<name>.yaml says; continues what is unfinished"
    parser = commands.add_parser("sweep", help=told, description=told)
    arguments(parser)
    told = "write the values of a sweep's best trial into conf/, after showing the difference"
    parser = commands.add_parser("sweep-promote", help=told, description=told)
    parser.add_argument("name", help="file of conf/sweep")
    parser.add_argument("--family", help="where the sweep has several")
    parser.add_argument(
        "--trial", type=int, help="number (default: the best in the first objective)"
    )
    kept = "into conf/<group>/<item>.yaml (default: conf/experiment/<experiment>.yaml)"
    parser.add_argument("--item", action="store_true", help=kept)
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--storage", default="", help="URL of the study, if not that of the file")
    parser.set_defaults(run=promote)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Those of `sweep`."""
    parser.add_argument("name", help="file of conf/sweep")
    parser.add_argument("--yes", action="store_true", help="begin without asking")
    kept = "processes, or jobs of the executor (default: 1)"
    parser.add_argument("--workers", type=_positive, default=1, help=kept)
    kept = "file of conf/executor (default: that of conf/config.yaml)"
    parser.add_argument("--executor", metavar="NAME", help=kept)
    kept = "print what would be started, scripts of jobs included, and start nothing"
    parser.add_argument("--dry-run", action="store_true", help=kept)
    kept = "where the study is: journal:///path/to/file or a URL of SQLAlchemy"
    parser.add_argument("--storage", default="", help=kept)
    parser.add_argument("--plan", action="store_true", help="only print the plan")
    parser.add_argument("--report", action="store_true", help="only write the report")
    parser.add_argument("--family", help="for --set and --wandb-config, where there are several")
    kept = "run one trial with these values outside the study"
    parser.add_argument("--set", nargs="+", metavar="KEY=VALUE", help=kept)
    kept = "write the search space as a sweep of Weights & Biases"
    parser.add_argument("--wandb-config", type=Path, metavar="FILE", help=kept)
    parser.add_argument("--as-worker", action="store_true", help=argparse.SUPPRESS)
    parser.set_defaults(run=sweep)


def _positive(text: str) -> int:
    if not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"a number of at least 1, not {text!r}")
    return int(text)


def sweep(chosen: argparse.Namespace) -> int:
    """Run `polyseme sweep`."""
    from polyseme.sweeps import conf

    found = conf.read(chosen.name)
    if chosen.wandb_config:
        return _wandb(chosen, found)
    try:
        return _sweep(chosen, found)
    except KeyboardInterrupt:
        print("interrupted; the same command continues it", file=sys.stderr)
        return INTERRUPTED


def _wandb(chosen: argparse.Namespace, found: conf.Sweep) -> int:
    from polyseme.sweeps import setup, wandb_config

    setup.ready(chosen.name, found)
    text = wandb_config.text(chosen.name, found, _family(chosen, found))
    whole.write_text(chosen.wandb_config, text)
    print(f"{chosen.wandb_config}: start it with `wandb sweep {chosen.wandb_config}`")
    return 0


def _family(chosen: argparse.Namespace, found: conf.Sweep) -> str:
    from polyseme.sweeps import conf

    name = chosen.family or (next(iter(found.families)) if len(found.families) == 1 else None)
    if name not in found.families:
        what = f"which family? {'there is no ' + repr(name) if name else 'there are several'}"
        mend = f"--family one of {', '.join(found.families)}"
        raise ConfigError(what, where=conf.path(chosen.name), mend=mend)
    return str(name)


def _sweep(chosen: argparse.Namespace, found: conf.Sweep) -> int:
    from polyseme.sweeps import setup, storage, worker

    families = setup.ready(chosen.name, found, _executor(chosen))
    if chosen.dry_run:
        print(_made(families).text(_commands(chosen, families)), end="")
        return 0
    if chosen.set:
        return (_one if chosen.as_worker else _again)(chosen, found, families)
    url = storage.location(chosen.name, chosen.storage or _given() or found.storage)
    try:
        return _with_study(chosen, found, families, url)
    except PolysemeError:
        raise
    except Exception as error:
        raise worker.explain(error, url) or error from None


def _with_study(
    chosen: argparse.Namespace, found: conf.Sweep, families: Mapping[str, Any], url: str
) -> int:
    from polyseme.sweeps import report, storage, studies, worker

    kept = storage.open_storage(url)
    opened = studies.open_studies(chosen.name, found, families, kept, Path.cwd())
    if chosen.as_worker:
        return _work(worker.Worker(chosen.name, found, families), opened)
    code = 0 if chosen.report else _run(chosen, found, families, opened, storage.shown(url))
    if code is None:
        return 0
    if code == 0:
        print(f"{report.write(chosen.name, found, opened)}/README.md")
    return code


def _run(
    chosen: argparse.Namespace,
    found: conf.Sweep,
    families: Mapping[str, Any],
    opened: Mapping[str, Any],
    where: str,
) -> int | None:
    """Show the plan, ask, run what is left; None where the plan was all."""
    from polyseme.sweeps import plan

    lines = plan.lines(found, families, opened, Path.cwd())
    print(plan.text(chosen.name, found, lines, chosen.workers, where), flush=True)
    left = sum(line.left for line in lines)
    if chosen.plan:
        return None
    if not left:
        return 0
    if not plan.confirm(f"begin sweep {chosen.name}?", yes=chosen.yes):
        return 1
    return _workers(chosen, families)


def _work(worker: Any, opened: Mapping[str, Any]) -> int:
    from polyseme.runtime import guard, preempt
    from polyseme.sweeps import process

    preempt.listen()
    guard.die_with_ancestors()
    scripts = {entry.script for each in worker.families.values() for entry in each.entries({})}
    process.preload([worker.root / script for script in sorted(scripts)])
    worker.work(opened)
    return 0


def _executor(chosen: argparse.Namespace) -> list[str]:
    """Hydra's override for the executor that was asked for."""
    return [f"executor={chosen.executor}"] if chosen.executor else []


def _made(families: Mapping[str, Any]) -> Executor:
    """The executor of the sweep."""
    params = next(iter(families.values())).params
    runtime = settings.read(params["runtime"])
    return executors.make(params.get("executor", executors.HERE), runtime)


def _commands(chosen: argparse.Namespace, families: Mapping[str, Any]) -> list[Command]:
    """One for each worker; threads are set before numpy and torch are imported."""
    words = ["sweep", chosen.name, "--yes", "--as-worker"]
    program = (sys.executable, "-m", "polyseme.cli", *words)
    made = range(1, chosen.workers + 1)
    return [Command(program, f"worker {number}", _threads(families)) for number in made]


def _given() -> str:
    """URL of the study from the environment."""
    return os.environ.get(STORAGE, "")


@contextmanager
def _handed_on(url: str) -> Iterator[None]:
    """The URL of the study in the environment, which children and jobs inherit: a password in it
    stands neither in lists of processes nor in what is kept of a job."""
    before = _given()
    os.environ[STORAGE] = url or before
    try:
        yield
    finally:
        os.environ[STORAGE] = before


def _workers(chosen: argparse.Namespace, families: Mapping[str, Any]) -> int:
    """Run so many workers."""
    commands = _commands(chosen, families)
    here = partial(_together, commands)
    with _handed_on(chosen.storage):
        return _made(families).run(commands, key=f"sweep-{chosen.name}", here=here)


def _together(commands: Sequence[Command]) -> int:
    """Workers as children; they end with this process."""
    running = [_start(command) for command in commands]
    try:
        codes = [process.wait() for process in running]
    finally:
        for process in running:
            if process.poll() is None:
                process.terminate()
    return next((code for code in codes if code), 0)


def _again(chosen: argparse.Namespace, found: conf.Sweep, families: Mapping[str, Any]) -> int:
    """The same command as a worker, with the threads that trials have."""
    words = ["sweep", chosen.name, "--set", *chosen.set, "--as-worker"]
    words += ["--family", chosen.family] if chosen.family else []
    program = (sys.executable, "-m", "polyseme.cli", *words)
    return _start(Command(program, "trial", _threads(families))).wait()


def _threads(families: Mapping[str, Any]) -> dict[str, str]:
    """Variables of a worker's process."""
    threads = max(int(each.params["runtime"]["num_threads"]) for each in families.values())
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    workspace = os.environ.get("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    return {
        **dict.fromkeys(names, str(threads)),
        "TOKENIZERS_PARALLELISM": "false",
        "CUBLAS_WORKSPACE_CONFIG": workspace,
    }


def _start(command: Command) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command.words, env={**os.environ, **command.environment})  # noqa: S603


def _one(chosen: argparse.Namespace, found: conf.Sweep, families: Mapping[str, Any]) -> int:
    """One trial with given values, told as JSON; tracked like any other."""
    from polyseme.sweeps import conf
    from polyseme.sweeps.worker import Worker

    family = _family(chosen, found)
    values = _values(chosen.set, found.families[family], conf.path(chosen.name))
    worker = Worker(chosen.name, found, families)
    outcome = worker.alone(family, values)
    print(json.dumps(dict(zip(found.objectives, outcome.values, strict=True))))
    return 0


def _values(words: list[str], family: conf.Family, file: Path) -> dict[str, Any]:
    import yaml  # type: ignore[import-untyped]
    from omegaconf import OmegaConf

    values = {}
    for word in words:
        key, sign, text = word.partition("=")
        if not sign or key not in family.space:
            what = f"--set {word!r} is no KEY=VALUE of the search space"
            raise ConfigError(what, where=file, mend=f"keys: {', '.join(family.space)}")
        try:
            values[key] = OmegaConf.create(f"v: {text}").v
        except (yaml.YAMLError, ValueError):
            raise ConfigError(f"--set {word!r} is no value", where=file) from None
    return values


def promote(chosen: argparse.Namespace) -> int:
    """Run `polyseme sweep-promote`."""
    from polyseme.sweeps import conf, plan, promote, setup, storage, studies

    found = conf.read(chosen.name)
    family = _family(chosen, found)
    families = setup.ready(chosen.name, found)
    url = storage.location(chosen.name, chosen.storage or _given() or found.storage)
    opened = studies.open_studies(
        chosen.name, found, families, storage.open_storage(url), Path.cwd()
    )
    trial = promote.chosen(opened[family], chosen.trial)
    changed = promote.edits(found, trial.params, item=chosen.item)
    pairs = ", ".join(f"{k} {v:.6g}" for k, v in zip(found.objectives, trial.values, strict=True))
    print(f"{family} trial {trial.number}: {pairs}")
    if not changed:
        print("conf/ says the same already")
        return 0
    print(promote.difference(changed), end="")
    fixed = [*found.overrides, *found.families[family].overrides]
    if fixed:
        print(f"found with {' '.join(fixed)}, which is not written")
    if not plan.confirm("write it?", yes=chosen.yes):
        return 1
    promote.write(found, changed, trial.params)
    print("written; `make params` takes it up")
    return 0
