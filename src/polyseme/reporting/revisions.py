"""A committed report at a git revision or DVC experiment, or the one on disk, read whole.

Nothing is checked out: files come from `git show`, so that the working tree stays as it is.
"""

from __future__ import annotations

import io
import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml  # type: ignore[import-untyped]

from polyseme import paths, results
from polyseme.errors import IntegrityError, PolysemeError
from polyseme.reporting import manifest

RESULTS, LOCK, HEAD = "results.parquet", "dvc.lock", "HEAD"
WORKING_TREE = "working tree"
EXPERIMENTS = "refs/exps"
SAFE = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The one in C is ten times as fast."""
PARTS = ("params", "versions", "hardware", "artifacts")


@dataclass(frozen=True)
class Side:
    """One of two reports that are compared.

    Attributes:
        name: as it was asked for, with the commit where there is one.
        commit: full hash; of the working tree, that of HEAD.
        is_working_tree: whether it was read from disk.
        described: params, versions, hardware and artifacts, as manifest.json has them.
        rows: of results.parquet.
        lock: stages of dvc.lock; empty where there is none.
    """

    name: str
    commit: str
    is_working_tree: bool
    described: dict[str, dict[str, Any]]
    rows: list[dict[str, Any]]
    lock: dict[str, Any] = field(default_factory=dict)


def read(root: Path, experiment: str, revision: str | None) -> Side:
    """The report of an experiment.

    Args:
        root: project root, in a git checkout.
        revision: git revision or name of a DVC experiment; None for the working tree.

    Raises:
        PolysemeError: no git checkout, no such revision, no report of the experiment in it, or one
            with other columns.
        IntegrityError: a file of it is not readable.
    """
    commit = resolve(root, revision or HEAD)
    name = f"{revision} ({commit[:7]})" if revision else WORKING_TREE
    folder = paths.report(experiment)
    files = {}
    for path in (folder / manifest.NAME, folder / RESULTS):
        content = _content(root, commit if revision else None, path)
        if content is None:
            what = f"there is no report of {experiment!r} in it"
            if revision is None:
                what = f"there is no report of {experiment!r}"
            mend = f"reports there: {', '.join(_reports(root, commit, revision)) or 'none'}"
            raise PolysemeError(what, where=f"{name}: {path}", mend=mend)
        files[path.name] = content
    described = _described(files[manifest.NAME], f"{name}: {folder / manifest.NAME}")
    rows = _rows(files[RESULTS], f"{name}: {folder / RESULTS}")
    lock = _content(root, commit if revision else None, Path(LOCK))
    stages = _lock(lock, f"{name}: {LOCK}", experiment) if lock else {}
    return Side(name, commit, revision is None, described, rows, stages)


def git(root: Path, *arguments: str) -> bytes | None:
    """Standard output of a git command; None where it fails.

    Raises:
        PolysemeError: git is not installed.
    """
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603
    except FileNotFoundError:
        raise PolysemeError("git is not installed", where=root, mend="install git") from None
    return None if done.returncode else done.stdout


def resolve(root: Path, revision: str) -> str:
    """Hash of the commit of a git revision, or of a DVC experiment of that name.

    Raises:
        PolysemeError: there is none, or more than one experiment of the name.
    """
    if git(root, "rev-parse", "--git-dir") is None:
        mend = "go to the project, and compare in a clone of its repository"
        raise PolysemeError("is no git checkout", where=root, mend=mend)
    asked = ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"]
    if (found := git(root, *asked)) is not None:
        return found.decode().strip()
    refs = (
        git(root, "for-each-ref", "--format=%(objectname) %(refname)", EXPERIMENTS) or b""
    ).decode()
    pairs = [line.split(" ", 1) for line in refs.splitlines()]
    named = {commit for commit, ref in pairs if ref.rpartition("/")[2] == revision}
    if len(named) == 1:
        return named.pop()
    if named:
        mend = f"give one of the hashes {', '.join(sorted(commit[:7] for commit in named))}"
        raise PolysemeError("names several DVC experiments", where=revision, mend=mend)
    mend = "see `git log --oneline` and `dvc exp show`"
    raise PolysemeError("is no git revision and no DVC experiment", where=revision, mend=mend)


def _content(root: Path, commit: str | None, path: Path) -> bytes | None:
    """A file as it stands in a commit, or on disk; None where there is none."""
    if commit is not None:
        return git(root, "show", f"{commit}:./{path.as_posix()}")
    file = root / path
    return file.read_bytes() if file.is_file() else None


def _reports(root: Path, commit: str, revision: str | None) -> list[str]:
    """Names of the experiments that have a report."""
    if revision is None:
        return sorted(path.parent.name for path in (root / "reports").glob(f"*/{manifest.NAME}"))
    listed = git(root, "ls-tree", "-r", "--name-only", commit, "./reports") or b""
    files = [Path(line) for line in listed.decode().splitlines()]
    return sorted(path.parent.name for path in files if path.name == manifest.NAME)


def _described(content: bytes, where: str) -> dict[str, dict[str, Any]]:
    try:
        value = json.loads(content)
        return {key: dict(value[key]) for key in PARTS} | {"tasks": dict(value.get("tasks", {}))}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        mend = "make the report again with `make repro` and commit it"
        raise IntegrityError("is not readable", where=where, mend=mend) from None


def _rows(content: bytes, where: str) -> list[dict[str, Any]]:
    """Rows of results.parquet, which has to have the columns of this version."""
    try:
        table = pq.read_table(io.BytesIO(content))
    except pa.ArrowException:
        mend = "make the report again with `make repro` and commit it"
        raise IntegrityError("is not readable", where=where, mend=mend) from None
    types = dict(zip(results.REPORT_SCHEMA.names, results.REPORT_SCHEMA.types, strict=True))
    for name, kind in zip(table.schema.names, table.schema.types, strict=True):
        if kind != types.get(name, kind):
            what = f"column {name} holds {kind}, not {types[name]}"
            raise IntegrityError(what, where=where, mend="make it again with `make repro`")
    there, known = set(table.column_names), set(results.REPORT_SCHEMA.names)
    if there != known:
        told = [f"lacks {', '.join(sorted(known - there))}"] if known - there else []
        told += [f"has {', '.join(sorted(there - known))}"] if there - known else []
        what = f"its columns are those of another version of polyseme: it {' and '.join(told)}"
        mend = "make the report again with this version, or compare with the version that wrote it"
        raise PolysemeError(what, where=where, mend=mend)
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def _lock(content: bytes, where: str, experiment: str) -> dict[str, Any]:
    """Stages of dvc.lock, if they are those of the experiment."""
    try:
        stages = yaml.load(content, Loader=SAFE)["stages"]  # noqa: S506
        own = str(stages.get("report", {}).get("cmd", "")).split()[-1:] == [experiment]
        return dict(stages) if own else {}
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        raise IntegrityError("is not readable", where=where, mend="run `make repro`") from None
