"""`polyseme sweep` and `polyseme sweep-promote`."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polyseme.errors import ConfigError, PolysemeError
from polyseme.runtime import whole

if TYPE_CHECKING:
    from polyseme.sweeps import conf

INTERRUPTED = 130


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
    parser.add_argument("--workers", type=_positive, default=1, help="processes (default: 1)")
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

    families = setup.ready(chosen.name, found)
    if chosen.set:
        return (_one if chosen.as_worker else _again)(chosen, found, families)
    url = storage.location(chosen.name, chosen.storage or found.storage)
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
    from polyseme.runtime import guard
    from polyseme.sweeps import process

    guard.die_with_ancestors()
    scripts = {entry.script for each in worker.families.values() for entry in each.entries({})}
    process.preload([worker.root / script for script in sorted(scripts)])
    worker.work(opened)
    return 0


def _workers(chosen: argparse.Namespace, families: Mapping[str, Any]) -> int:
    """Run so many workers; they end with this process."""
    command = ["sweep", chosen.name, "--yes", "--as-worker"]
    command += ["--storage", chosen.storage] if chosen.storage else []
    running = [_start(families, command) for _ in range(chosen.workers)]
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
    return _start(families, words).wait()


def _start(families: Mapping[str, Any], command: list[str]) -> subprocess.Popen[bytes]:
    """A worker's process: threads are set before numpy and torch are imported."""
    threads = max(int(each.params["runtime"]["num_threads"]) for each in families.values())
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    environment = {**os.environ, **dict.fromkeys(names, str(threads))}
    environment["TOKENIZERS_PARALLELISM"] = "false"
    environment.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    return subprocess.Popen([sys.executable, "-m", "polyseme.cli", *command], env=environment)  # noqa: S603


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
    url = storage.location(chosen.name, chosen.storage or found.storage)
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
