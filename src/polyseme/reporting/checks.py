"""What the invariance battery found, and whose scores count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from polyseme.reporting import numbers
from polyseme.reporting.measurements import Measurements, Row

STAGE, PASSED = "invariance", "passed"


def fill(rows: Iterable[Row], partners: Mapping[str, str]) -> None:
    """Put into every row, in place, whether its representation passed all checks.

    Null where they have not run: for baselines, and for random weights.

    Args:
        partners: strategy -> representation whose vectors stand beside, which has to pass, too.
    """
    passed: dict[tuple[str | None, str], bool] = {}
    others = []
    for row in rows:
        key = row["corpus"], row["representation"]
        if row["stage"] != STAGE:
            others.append((key, row))
        elif row["checked"] is not None:
            passed[key] = passed.get(key, True) and row["checked"]
    for (corpus, name), row in others:
        found = [passed.get((corpus, n)) for n in (name, partners.get(row["strategy"], name))]
        row["checked"] = found[0] if found[1] is not False else False


def counted(rows: Measurements) -> Measurements:
    """Rows of representations that have failed no check."""
    return Measurements([row for row in rows if row["checked"] is not False])


def failures(rows: Measurements) -> dict[str, Measurements]:
    """System -> checks that it failed, the worst task of each."""
    found: dict[str, dict[str, Row]] = {}
    for row in rows.where(stage=STAGE, checked=False):
        known = found.setdefault(row["system"], {})
        if row["metric"] not in known or _size(row) > _size(known[row["metric"]]):
            known[row["metric"]] = row
    return {system: Measurements(list(worst.values())) for system, worst in found.items()}


def _size(row: Row) -> float:
    return -1.0 if row["value"] is None else float(row["value"])


def verdict(rows: Measurements, system: str) -> str:
    """`passed`, or which checks failed, with the largest difference of each."""
    if failed := failures(rows.where(system=system)).get(system):
        return f"failed: {', '.join(map(_with_number, failed))}"
    return PASSED if rows.where(stage=STAGE, system=system) else numbers.MISSING


def _with_number(row: Row) -> str:
    name = numbers.name(row["metric"])
    return name if row["value"] is None else f"{name} {numbers.small(row['value'])}"


def label(rows: Measurements, system: str) -> str:
    """The name of a system, and what it failed."""
    told = verdict(rows, system)
    return system if told in (PASSED, numbers.MISSING) else f"{system} ({told})"
