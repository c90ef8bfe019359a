"""The `polyseme` command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from polyseme import __version__
from polyseme.errors import PolysemeError


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line, run the command, leave with its exit code."""
    parser = argparse.ArgumentParser(prog="polyseme", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="command")
    _add_verify(commands)
    chosen = parser.parse_args(arguments)
    try:
        code = chosen.run(chosen)
    except PolysemeError as error:
        print(f"error: {error}", file=sys.stderr)
        code = error.exit_code
    sys.exit(code)


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


if __name__ == "__main__":
    main()
