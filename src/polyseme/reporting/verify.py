"""Does a rerun give what was committed? Artifact by artifact and metric by metric.

The committed side is reports/<experiment>/{manifest.json,results.parquet} of a git revision; the
other side is what lies on disk now. Artifacts are rehashed against their own manifests first.

Status of an artifact: identical, differs, missing (not on disk, or not intact there), new (not
committed). Status of a metric: the same, and within tolerance; rows are matched on every column but
`value` and `seconds`, and `seconds` never counts. What is only new never fails.

The verdict differs when a metric differs or anything is missing. Artifacts that differ while all
metrics are within tolerance are to be expected on another processor, with other versions, or with
another number of threads, precision or accelerator; with the same ones they break the promise of
identical bytes, so there the verdict differs too. Any other param that changed makes it another
experiment, and the verdict differs.

Tolerance, by kind of metric: fractions and correlations (accuracy, f1, selectivity, coverage,
spearman, ...) 0.02 absolute; loss, perplexity and bits_per_byte, which have no fixed scale, 2 % of
the committed value.
"""

from __future__ import annotations

import json
import math
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from polyseme import paths, results
from polyseme.errors import IntegrityError, PolysemeError
from polyseme.reporting import manifest as report_manifest
from polyseme.reporting import tested
from polyseme.reporting.verdict import Item, Verdict
from polyseme.runtime import manifest

RESULTS = "results.parquet"
FILES = (report_manifest.NAME, RESULTS)
RELATIVE_METRICS = ("loss", "perplexity", "bits_per_byte")
NOT_KEYS = ("value", "seconds")
EXPLAINING = tuple(
    f"runtime.{name}"
    for name in ("accelerator", "num_processes", "num_threads", "precision", "strategy")
)
"""Params that change bytes, and no more than the last bits of a metric."""
HARMLESS = "runtime."
"""Other params of how it runs change nothing."""
NOT_HARDWARE = ("memory_gib",)
ABSENT = "(absent)"
REMAKE = "make the report again with `make repro` and commit it"


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """Largest difference that still counts as the same result."""

    absolute: float = 0.02
    """Fractions and correlations."""
    relative: float = 0.02
    """Metrics in RELATIVE_METRICS, as a share of the committed value."""

    def allows(self, metric: str, committed: float, found: float) -> bool:
        """Whether `found` is close enough to `committed`; never for NaN and infinities."""
        if metric.endswith(RELATIVE_METRICS):
            return abs(found - committed) <= self.relative * abs(committed) < math.inf
        return abs(found - committed) <= self.absolute


def verify(
    experiment: str, root: Path, against: str = "HEAD", tolerance: Tolerance | None = None
) -> Verdict:
    """Compare a finished rerun with the committed report.

    Args:
        root: project root, in a git checkout.
        against: git revision of the committed report.
        tolerance: other limits than the default ones.

    Raises:
        PolysemeError: no git checkout, no such report in that revision, or none on disk.
        IntegrityError: a manifest.json is not readable.
    """
    folder = paths.report(experiment)
    files = {name: _committed(root, against, folder / name) for name in FILES}
    before = _parse(files[report_manifest.NAME], f"{against}:{folder / report_manifest.NAME}")
    for name in FILES:
        if not (root / folder / name).is_file():
            raise _no_report("is missing", root / folder / name, experiment)
    path = root / folder / report_manifest.NAME
    now = _parse(path.read_bytes(), str(path))
    with tempfile.NamedTemporaryFile(suffix=".parquet") as copy:
        copy.write(files[RESULTS])
        copy.flush()
        committed = _rows(Path(copy.name), f"{against}:{folder / RESULTS}")
    found = _rows(root / folder / RESULTS, str(root / folder / RESULTS))
    return Verdict(
        experiment,
        against,
        _compare_artifacts(before["artifacts"], experiment, now["params"], root),
        _compare_metrics(committed, found, tolerance),
        [
            *_changed("params", before, now, only=EXPLAINING),
            *_changed("versions", before, now),
            *_changed("hardware", before, now, but=NOT_HARDWARE),
        ],
        _changed("params", before, now, but=(HARMLESS,)),
    )


def _committed(root: Path, revision: str, path: Path) -> bytes:
    """A file as it stands in a git revision."""
    command = ["git", "-C", str(root), "show", f"{revision}:./{path.as_posix()}"]
    try:
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603
    except FileNotFoundError:
        raise PolysemeError("git is not installed", where=path, mend="install git") from None
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().splitlines() or ["git show failed"]
        raise _no_report(
            f"is not in {revision}: {reason[0]}", path, path.parent.name, then=" and commit it"
        )
    return done.stdout


def _no_report(what: str, where: Path, experiment: str, then: str = "") -> PolysemeError:
    mend = f"make the report with `make repro EXPERIMENT={experiment}`{then}"
    return PolysemeError(what, where=where, mend=mend)


def _parse(content: bytes, where: str) -> dict[str, Any]:
    try:
        value: dict[str, Any] = json.loads(content)
        return {key: dict(value[key]) for key in ("params", "versions", "hardware", "artifacts")}
    except (ValueError, KeyError, TypeError):
        raise IntegrityError("is not readable", where=where, mend=REMAKE) from None


def _rows(path: Path, where: str) -> list[dict[str, Any]]:
    """Measurements; tests follow from them and from predictions."""
    try:
        return [row for row in results.read(path) if row["stage"] != tested.STAGE]
    except pa.ArrowException:
        raise IntegrityError("is not readable", where=where, mend=REMAKE) from None


def _compare_artifacts(
    committed: Mapping[str, str], experiment: str, params: Mapping[str, Any], root: Path
) -> list[Item]:
    top = root / paths.ARTIFACTS
    found = {
        path.relative_to(top).as_posix()
        for path in report_manifest.folders(experiment, params, root)
    }
    items = []
    for name in sorted(committed.keys() | found):
        if name not in found:
            items.append(Item(name, "missing"))
        elif name not in committed:
            items.append(Item(name, "new"))
        else:
            items.append(_compare_artifact(name, committed[name], top))
    return items


def _compare_artifact(name: str, committed: str, top: Path) -> Item:
    try:
        digest = manifest.verify(top / name)
    except IntegrityError as error:
        return Item(name, "missing", f"not intact: {error}")
    if digest == committed:
        return Item(name, "identical")
    return Item(name, "differs", f"{committed[:12]} -> {digest[:12]}")


def _compare_metrics(
    committed: list[dict[str, Any]], found: list[dict[str, Any]], tolerance: Tolerance | None
) -> list[Item]:
    before, now = _keyed(committed), _keyed(found)
    items = []
    for key in [*before, *(key for key in now if key not in before)]:
        name = " ".join(f"{column}={cell}" for column, cell in key if cell is not None)
        if key not in now:
            items.append(Item(name, "missing"))
        elif key not in before:
            items.append(Item(name, "new"))
        else:
            values = before[key], now[key]
            status = _compare_values(str(dict(key)["metric"]), *values, tolerance or Tolerance())
            detail = "" if status == "identical" else f"{values[0]} -> {values[1]}"
            items.append(Item(name, status, detail))
    return items


def _keyed(rows: list[dict[str, Any]]) -> dict[tuple[tuple[str, Any], ...], float | None]:
    """Value by key; rows with equal keys are told apart by a number."""
    keyed: dict[tuple[tuple[str, Any], ...], float | None] = {}
    seen: Counter[tuple[tuple[str, Any], ...]] = Counter()
    for row in rows:
        key = tuple((column, cell) for column, cell in row.items() if column not in NOT_KEYS)
        seen[key] += 1
        keyed[(*key, ("repeat", seen[key] if seen[key] > 1 else None))] = row["value"]
    return keyed


def _compare_values(
    metric: str, committed: float | None, found: float | None, tolerance: Tolerance
) -> str:
    if committed is None or found is None:
        return "identical" if committed is found else "differs"
    if committed == found or (math.isnan(committed) and math.isnan(found)):
        return "identical"
    return "within tolerance" if tolerance.allows(metric, committed, found) else "differs"


def _changed(
    part: str,
    before: Mapping[str, Any],
    now: Mapping[str, Any],
    *,
    only: tuple[str, ...] = ("",),
    but: tuple[str, ...] = (),
) -> list[str]:
    """Keys of a part of the manifest whose values changed, one line each; chosen by prefix."""
    old, new = flat(before[part]), flat(now[part])
    lines = []
    for key in sorted(old.keys() | new.keys()):
        a, b = old.get(key, ABSENT), new.get(key, ABSENT)
        if a != b and key.startswith(only) and not (but and key.startswith(but)):
            lines.append(f"{part}: {key}: {a} -> {b}")
    return lines


def flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Every leaf of nested mappings, under its dotted key."""
    found: dict[str, Any] = {}
    for key, item in value.items():
        if isinstance(item, Mapping):
            found |= flat(item, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = item
    return found
