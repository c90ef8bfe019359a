"""The commands of the explorer; quick to import."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from polyseme.explore.project import Project

Commands = argparse._SubParsersAction
INTERRUPTED = 130
MAX_PORT = 65535


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add `neighbors`, `fill`, `embed` and `explore`."""
    _neighbors(commands)
    _fill(commands)
    _embed(commands)
    _explore(commands)


def _neighbors(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = _command(commands, "neighbors", "nearest neighbours of a word, in context or not")
    parser.add_argument("word")
    told = "a sentence with the word (default: the word as a type, without context)"
    parser.add_argument("--in", dest="sentence", metavar="SENTENCE", help=told)
    parser.add_argument("--layer", type=_number, help="default: the last one")
    _top(parser, 8)
    parser.set_defaults(run=_run(_show_neighbors))


def _fill(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = _command(commands, "fill", "what language models put into the gap of a sentence")
    parser.add_argument("sentence", help="with one ___ or [MASK]")
    _top(parser, 5)
    parser.set_defaults(run=_run(_show_fillings))


def _embed(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = _command(commands, "embed", "vectors of the sentences of a file, one a line")
    parser.add_argument("file", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True, help="numpy file to write")
    parser.add_argument("--layer", type=_number, help="default: the last one")
    told = "a sentence's mean over its words, or each word (with an index beside)"
    parser.add_argument("--pooling", choices=("mean", "words"), default="mean", help=told)
    parser.set_defaults(run=_run(_write_vectors))


def _explore(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = _command(commands, "explore", "a page in the browser, for this machine only")
    parser.add_argument("--port", type=_port, default=0, help="default: any that is free")
    parser.set_defaults(run=_run(_serve))


def _command(
    commands: Commands[argparse.ArgumentParser], name: str, told: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=told, description=told)
    several = "several may follow; default: all that are trained"
    one = "default: the last one of the experiment"
    nargs, kept = ("+", several) if name != "embed" else (1, one)
    parser.add_argument("--model", nargs=nargs, default=[], metavar="NAME", help=kept)
    parser.add_argument("--experiment", help="default: that of params.yaml")
    parser.add_argument("--corpus", help="default: the first of the experiment")
    return parser


def _top(parser: argparse.ArgumentParser, default: int) -> None:
    parser.add_argument("--top", type=_positive, default=default, help=f"default: {default}")


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"a number, not {text!r}")
    return int(text)


def _positive(text: str) -> int:
    if not _number(text):
        raise argparse.ArgumentTypeError("a number of at least 1")
    return int(text)


def _port(text: str) -> int:
    if _number(text) > MAX_PORT:
        raise argparse.ArgumentTypeError(f"a number of at most {MAX_PORT}")
    return int(text)


def _run(
    command: Callable[[argparse.Namespace, Project], None],
) -> Callable[[argparse.Namespace], int]:
    """Run a command on the project that the arguments name."""

    def run(chosen: argparse.Namespace) -> int:
        from polyseme.explore.project import Project

        try:
            command(chosen, Project(chosen.experiment, chosen.corpus, chosen.model))
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            return INTERRUPTED
        return 0

    return run


def _show_neighbors(chosen: argparse.Namespace, project: Project) -> None:
    from polyseme.explore.show import neighbors

    for line in neighbors(project, chosen.word, chosen.sentence, chosen.layer, chosen.top):
        print(line)


def _show_fillings(chosen: argparse.Namespace, project: Project) -> None:
    from polyseme.explore.show import fillings

    for line in fillings(project, chosen.sentence, chosen.top):
        print(line)


def _write_vectors(chosen: argparse.Namespace, project: Project) -> None:
    from polyseme.explore.embed import embed

    print(embed(project, chosen.file, chosen.out, layer=chosen.layer, pooling=chosen.pooling))


def _serve(chosen: argparse.Namespace, project: Project) -> None:
    from polyseme.explore.server import serve

    serve(project, chosen.port)
