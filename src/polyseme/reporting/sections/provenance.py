"""Where the numbers come from: seeds, params, versions, hardware, stages, and how to rerun.

Beside them: price (time, energy, words), licences, what failed, was refused or cut, and the command
behind each table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from polyseme.reporting import checks, numbers
from polyseme.reporting.collect import Evidence
from polyseme.reporting.page import Cell, Section, Table, table
from polyseme.reporting.sections.cards import flatten
from polyseme.reporting.sections.provenance_tables import commands, licences, limits
from polyseme.runtime.manifest import canonical

INLINED = (
    "The HTML page holds styles and scripts of polyseme alone (Apache-2.0), and loads nothing. "
    "Energy is that of whole devices, whatever else ran on them."
)
NOT_READABLE = "not readable (no RAPL or NVML counter that the run may read)"
KILO = 1000.0


def build(evidence: Evidence) -> Section:
    """The section; there is always one."""
    seeds = sorted(evidence.rows.distinct("seed"))
    facts: list[list[Cell | str]] = [
        ["Experiment", evidence.experiment],
        ["Measurements in results.parquet", numbers.count(len(evidence.rows))],
        ["Seeds", ", ".join(str(seed) for seed in seeds) or numbers.MISSING],
        ["Params digest (sha256)", params_digest(evidence.params)],
        ["Version of the numbers (numerics)", str(evidence.params.get("numerics", ""))],
        ["Invariance battery", _battery(evidence)],
        ["Words seen, all representations", numbers.count(_words(evidence))],
        [
            "Seconds of all stages, added up (some ran side by side)",
            numbers.duration(_sum(evidence, "seconds")),
        ],
        ["Energy, all stages", _energy(evidence)],
    ]
    facts += [[_title(key), value] for key, value in _shared(evidence)]
    tables = [
        table("Provenance", ("Property", "Value"), facts),
        commands(evidence),
        limits(evidence),
        licences(evidence),
        _stages(evidence),
    ]
    return Section(
        "Provenance",
        "provenance",
        paragraphs=(
            "Every number of this report is a row of results.parquet, a card or a run record; "
            "dictionary.md says what each column means, and manifest.json holds every param. To "
            "make it again:",
        ),
        code=f"make repro EXPERIMENT={evidence.experiment}",
        tables=tuple(t for t in tables if t.rows),
        notes=(INLINED,),
    )


def params_digest(params: Mapping[str, Any]) -> str:
    """Hash of params.yaml without `runtime`, which says how to run and not what to compute."""
    return canonical({key: value for key, value in params.items() if key != "runtime"})


def _battery(evidence: Evidence) -> str:
    """How many representations passed, and which did not."""
    systems = evidence.rows.where(stage=checks.STAGE).distinct("system")
    failed = list(checks.failures(evidence.rows))
    if not systems:
        return "has not run"
    told = f"{len(systems) - len(failed)} of {len(systems)} representations passed every check"
    return f"{told}; failed: {numbers.listing(failed)}" if failed else told


def _words(evidence: Evidence) -> int:
    return sum(of.card.get("words_seen") or 0 for of in evidence.made.values())


def _energy(evidence: Evidence) -> str:
    """Kilojoules by counter."""
    used: dict[str, float] = {}
    for record in evidence.records.values():
        for counter, joules in (record.get("joules") or {}).items():
            used[counter] = used.get(counter, 0.0) + joules
    told = [f"{joules / KILO:.1f} kJ ({counter})" for counter, joules in sorted(used.items())]
    return ", ".join(told) or NOT_READABLE


def _sum(evidence: Evidence, key: str) -> float | None:
    found = list(_known(record.get(key) for record in evidence.records.values()))
    return sum(found) if found else None


def _shared(evidence: Evidence) -> list[tuple[str, str]]:
    """Settings, versions and hardware of all run records; several values where they differ."""
    found: dict[str, set[str]] = {}
    for record in evidence.records.values():
        for key in ("num_threads", "precision", "accelerator", "hardware", "versions"):
            for name, value in flatten({key: record.get(key)}):
                if value is not None:
                    found.setdefault(name, set()).add(str(value))
    return [(name, ", ".join(sorted(values))) for name, values in sorted(found.items())]


def _title(key: str) -> str:
    return numbers.name(key).replace("hardware, ", "hardware: ").replace("versions, ", "version: ")


def _stages(evidence: Evidence) -> Table:
    """Time and memory of each stage, in the order in which they run."""
    lines: list[list[Cell | str]] = []
    for stage, record in evidence.records.items():
        seconds, peak = record.get("seconds"), record.get("peak_memory_bytes")
        time = Cell(numbers.duration(seconds), seconds)
        lines.append([stage, time, Cell(numbers.memory(peak), peak)])
    total = list(_known(record.get("seconds") for record in evidence.records.values()))
    caption = "Stages: wall-clock time and peak memory"
    if total:
        caption += f"; {numbers.duration(sum(total))} in all"
    return table(caption, ("Stage", "Time", "Peak memory"), lines)


def _known(values: Iterable[float | None]) -> Iterable[float]:
    return (value for value in values if value is not None)
