"""The `polyseme` command."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from polyseme import __version__
from polyseme.errors import ConfigError, DataError
from polyseme.explore import arguments as explorer
from polyseme.runtime import failures
from polyseme.sweeps import command as sweeps

INTERRUPTED, CLOSED_PIPE = 130, 141


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line, run the command, leave with its exit code."""
    parser = argparse.ArgumentParser(prog="polyseme", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="command", dest="command")
    _add_repro(commands)
    _add_verify(commands)
    _add_choose(commands)
    _add_report(commands)
    _add_export(commands)
    _add_sha256(commands)
    sweeps.add(commands)
    _add_wandb_report(commands)
    explorer.add(commands)
    chosen = parser.parse_args(arguments)
    try:
        code = chosen.run(chosen)
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = CLOSED_PIPE
    except Exception as error:
        line = failures.explain(error, chosen.command)
        print(f"error: {line}", file=sys.stderr)
        code = line.exit_code
    sys.exit(code)


def _add_repro(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    told = "bring the experiment of params.yaml up to date, several stages at a time"
    parser = commands.add_parser("repro", help=told, description=told)
    kept = "stages at a time (default: as many as the cores have room for; 1 on a gpu; on a"
    kept += " cluster one job a model)"
    parser.add_argument("--jobs", type=_positive, help=kept)
    kept = "print what would be started, scripts of jobs included, and start nothing"
    parser.add_argument("--dry-run", action="store_true", help=kept)
    parser.set_defaults(run=_repro)


def _positive(text: str) -> int:
    if not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"a number of at least 1, not {text!r}")
    return int(text)


def _repro(chosen: argparse.Namespace) -> int:
    from polyseme.repro import repro

    try:
        return repro(chosen.jobs, only_tell=chosen.dry_run)
    except KeyboardInterrupt:
        print("interrupted; `make repro` continues it", file=sys.stderr)
        return INTERRUPTED


def _add_verify(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    told = "compare a finished run with its committed report"
    parser = commands.add_parser("verify", help=told, description=told)
    parser.add_argument("experiment", help="name of the folder under reports/")
    parser.add_argument("--against", default="HEAD", help="git revision (default: HEAD)")
    parser.set_defaults(run=_verify)


def _verify(chosen: argparse.Namespace) -> int:
    from polyseme.reporting.verify import verify

    verdict = verify(chosen.experiment, Path.cwd(), against=chosen.against)
    print(verdict.summary())
    return verdict.exit_code


def _add_choose(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from polyseme.reporting.choose import add_arguments, run

    told = "the representation and strategy that a report recommends within limits"
    parser = commands.add_parser("choose", help=told, description=told)
    add_arguments(parser)
    parser.set_defaults(run=run)


def _add_report(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    told = "say where a report is, or what changed between two of them"
    parser = commands.add_parser("report", help=told, description=told)
    kept = "git revisions or DVC experiments; without REV2: the working tree"
    parser.add_argument("--compare", nargs="+", metavar=("REV1", "REV2"), help=kept)
    parser.add_argument("--experiment", help="default: that of params.yaml")
    parser.add_argument("--all", action="store_true", help="whole tables in the terminal")
    parser.add_argument("--out", type=Path, help="write it as FILE.md or FILE.html instead")
    parser.set_defaults(run=_report)


def _report(chosen: argparse.Namespace) -> int:
    from polyseme.reporting.command import report

    experiment = chosen.experiment or _experiment(Path("params.yaml"))
    print(report(Path.cwd(), experiment, chosen.compare, is_whole=chosen.all, out=chosen.out))
    return 0


def _add_export(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    told = "write a trained representation for transformers or gensim, with a model card"
    parser = commands.add_parser("export", help=told, description=told)
    parser.add_argument("corpus", help="conf item that it was trained on")
    parser.add_argument("model", help="conf item")
    parser.add_argument("folder", type=Path, help="new folder")
    parser.add_argument("--experiment", help="default: that of params.yaml")
    parser.set_defaults(run=_export)


def _export(chosen: argparse.Namespace) -> int:
    from polyseme.exporting.export import export

    experiment = chosen.experiment or _experiment(Path("params.yaml"))
    names = export(experiment, chosen.corpus, chosen.model, chosen.folder)
    print(f"{chosen.folder}: {', '.join(names)}")
    return 0


def _experiment(params: Path) -> str:
    import yaml  # type: ignore[import-untyped]
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    if not params.is_file():
        raise ConfigError("is missing", where=params, mend="go to the project, or --experiment")
    try:
        experiment = OmegaConf.load(params).experiment
    except (OmegaConfBaseException, yaml.YAMLError, ValueError):
        experiment = None
    if not isinstance(experiment, str):
        mend = "run `make params`, or --experiment"
        raise ConfigError("names no experiment", where=params, mend=mend)
    return experiment


def _add_sha256(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    told = "hash of a vector file or of a checkpoint's folder, for conf/external"
    parser = commands.add_parser("sha256", help=told, description=told)
    parser.add_argument("path", help="file, folder, or URL of a file in a storage (s3://, gs://)")
    kept = "files of the folder that count (default: those of a Hugging Face checkpoint)"
    parser.add_argument("names", nargs="*", help=kept)
    parser.set_defaults(run=_sha256)


def _sha256(chosen: argparse.Namespace) -> int:
    from polyseme.data import remote

    if remote.is_remote(chosen.path):
        size, digest = remote.pinned(chosen.path)
        print(f"size: {size}\nsha256: {digest}")
        return 0
    from polyseme.models.external.common import checkpoint, source

    folder = Path(chosen.path)
    for path in (folder, *(folder / name for name in chosen.names)):
        if not path.exists():
            raise DataError("does not exist", where=path, mend="check the path")
    names = chosen.names or (checkpoint.files(folder) if folder.is_dir() else [])
    print(source.digest(folder, names))
    return 0


def _add_wandb_report(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    told = "make a W&B report of an experiment whose runs are on the server"
    parser = commands.add_parser("wandb-report", help=told, description=told)
    parser.add_argument("experiment", nargs="?", help="default: that of params.yaml")
    parser.add_argument("--entity", help="user or team (default: WANDB_ENTITY, else yours)")
    parser.add_argument("--project", help="default: WANDB_PROJECT, else polyseme")
    parser.set_defaults(run=_wandb_report)


def _wandb_report(chosen: argparse.Namespace) -> int:
    from polyseme.tracking.workspace import publish

    experiment = chosen.experiment or _experiment(Path("params.yaml"))
    print(publish(experiment, entity=chosen.entity, project=chosen.project))
    return 0


if __name__ == "__main__":
    main()
