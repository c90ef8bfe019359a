"""`polyseme report`: where a report is, or what changed between two of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from polyseme import paths
from polyseme.errors import ConfigError, PolysemeError
from polyseme.reporting import pages, terminal
from polyseme.reporting.compare import compare
from polyseme.reporting.page import Report
from polyseme.runtime import whole

MOST = 2
FORMATS: dict[str, Callable[[Report], str]] = {".md": pages.alone, ".html": pages.html}


def report(
    root: Path,
    experiment: str,
    revisions: Sequence[str] | None = None,
    *,
    is_whole: bool = False,
    out: Path | None = None,
) -> str:
    """What the command prints.

    Args:
        revisions: one or two to compare; None to say where the report is.
        is_whole: whether tables are shown with all rows.
        out: file to write instead, Markdown or HTML by its ending.

    Raises:
        PolysemeError: there is no such report, or a revision cannot be read.
        ConfigError: too many revisions, or a file of another kind.
    """
    if not revisions:
        return _place(root, experiment)
    if not all(revision.strip() for revision in revisions):
        raise ConfigError("a revision without a name", where="--compare", mend="name it")
    if len(revisions) > MOST:
        raise ConfigError(f"{len(revisions)} revisions", where="--compare", mend="give one, or two")
    if out is not None and out.suffix not in FORMATS:
        mend = f"end it with {' or '.join(FORMATS)}"
        raise ConfigError(f"a file {out.suffix or 'without ending'}", where=out, mend=mend)
    found = compare(root, experiment, revisions[0], revisions[1] if revisions[1:] else None)
    if out is None:
        return terminal.text(found, is_whole=is_whole)
    _write(out, FORMATS[out.suffix](found))
    return f"{out}: {found.title}"


def _place(root: Path, experiment: str) -> str:
    folder = paths.report(experiment)
    if not (root / folder / "README.md").is_file():
        mend = f"make it with `make repro EXPERIMENT={experiment}`"
        raise PolysemeError("is no report yet", where=folder, mend=mend)
    return "\n".join(
        [
            f"{folder}/README.md, {folder}/index.html: the report of {experiment}",
            f"make it again: make repro EXPERIMENT={experiment}",
            "what changed since the last commit: polyseme report --compare HEAD",
        ]
    )


def _write(path: Path, content: str) -> None:
    try:
        whole.write_text(path, content)
    except OSError as error:
        told = error.strerror or "cannot be written"
        raise PolysemeError(told, where=path, mend="give a file in a folder that exists") from None
