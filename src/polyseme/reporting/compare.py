"""What changed between two reports: code, params, data, machine, artifacts, metrics.

`polyseme report --compare REV1 [REV2]`. Params, versions, hardware and digests of artifacts are
those of manifest.json, which lies beside each report, since params.yaml and dvc.lock are of the
experiment that ran last; inputs of the user's own come from dvc.lock where it is of this one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from polyseme.reporting import numbers
from polyseme.reporting.page import Cell, Report, Section, Table, table
from polyseme.reporting.paired_rows import SAME, Change, Pairing, pair
from polyseme.reporting.revisions import Side, git, read
from polyseme.reporting.verify import flat
from polyseme.stats.seeds import LEVEL

ABSENT, HEX = "(absent)", 12
RUNTIME, NUMERICS = "runtime.", "numerics"
DATA = ("data", "corpus", "task")
READERS = ("fetch", "corpus", "task", "external")
"""Stages that may read files of the user's own."""
NOTE = (
    "Difference: second less first, in the mean over what both have measured. Paired t test over "
    "seeds, corrected by Holm over all comparisons that differ; better and worse where p < "
    f"{1 - LEVEL:.2g}. What has no seeds, or differs by the same in all of "
    "them, is not tested."
)


def compare(root: Path, experiment: str, first: str, second: str | None) -> Report:
    """Two reports of an experiment.

    Args:
        root: project root.
        first, second: git revisions or DVC experiments; the second None for the working tree.

    Raises:
        PolysemeError: one of them cannot be read.
    """
    one, other = read(root, experiment, first), read(root, experiment, second)
    sections = (
        _code(root, one, other),
        _params(one, other),
        _data(one, other, experiment),
        _machine(one, other),
        _artifacts(one, other, experiment),
        _metrics(one, other),
    )
    title = f"{experiment}: {one.name} against {other.name}"
    return Report(title, f"First: {one.name}. Second: {other.name}.", sections)


def _code(root: Path, one: Side, other: Side) -> Section:
    """Commits between, and what is not committed."""
    lines: list[list[Cell | str]] = []
    for where, span in (
        ("second only", f"{one.commit}..{other.commit}"),
        ("first only", f"{other.commit}..{one.commit}"),
    ):
        listed = (git(root, "log", "--format=%h %s", span, "--") or b"").decode(errors="replace")
        for line in listed.splitlines():
            commit, _, subject = line.partition(" ")
            lines.append([commit, where, subject])
    told = f"{_count(len(lines), 'commit')} between." if lines else "The same commit."
    numerics = [str(side.described["params"].get(NUMERICS, ABSENT)) for side in (one, other)]
    told += f" numerics: {' -> '.join(dict.fromkeys(numerics))}."
    for name, side in (("first", one), ("second", other)):
        if side.is_working_tree and (files := _uncommitted(root)):
            told += f" Not committed in the {name}: {numbers.some(files, 5)}."
    return _section("Code", [told], table("Commits", ("Commit", "In", "Subject"), lines))


def _uncommitted(root: Path) -> list[str]:
    """Files outside reports/ that are not as in HEAD."""
    out = git(root, "status", "--porcelain", "--untracked-files=normal", "--", ".") or b""
    files = [line[3:] for line in out.decode(errors="replace").splitlines()]
    return [name for name in files if "reports/" not in name]


def _params(one: Side, other: Side) -> Section:
    sides = [_without(side.described["params"], RUNTIME) for side in (one, other)]
    return _keys("Params", "param", *sides)


def _machine(one: Side, other: Side) -> Section:
    """Versions, hardware, and how it ran."""
    sides = []
    for side in (one, other):
        found = flat({key: side.described[key] for key in ("versions", "hardware")})
        runtime = flat(side.described["params"])
        sides.append(found | {k: v for k, v in runtime.items() if k.startswith(RUNTIME)})
    return _keys("Versions, hardware and runtime", "value", *sides)


def _data(one: Side, other: Side, experiment: str) -> Section:
    """Digests of data sets, corpora and tasks, and of the user's own files."""
    sides = [
        {k: v[:HEX] for k, v in _of(side, experiment).items() if _stage(k, experiment) in DATA}
        | _inputs(side)
        for side in (one, other)
    ]
    section = _keys("Data", "input", *sides)
    missing = [side.name for side in (one, other) if not side.lock]
    if not missing:
        return section
    told = f"No dvc.lock of this experiment in {numbers.listing(missing)}: files of the user's own "
    told += "are not compared."
    return Section(
        section.title, section.anchor, (*section.paragraphs, told), tables=section.tables
    )


def _inputs(side: Side) -> dict[str, str]:
    """Files and folders that stages read besides artifacts and the code of polyseme."""
    found = {}
    for name, stage in side.lock.items():
        for dep in stage.get("deps", []) if name.partition("@")[0] in READERS else []:
            if not dep["path"].startswith(("artifacts/", "src/polyseme/")) or (
                not dep["path"].endswith(".py") and dep["path"].startswith("src/polyseme/language/")
            ):
                found[dep["path"]] = str(dep.get("md5", ""))[:HEX]
    return found


def _artifacts(one: Side, other: Side, experiment: str) -> Section:
    """How many folders of each stage hold other bytes, and which."""
    sides = [_of(side, experiment) for side in (one, other)]
    total: Counter[str] = Counter()
    names: dict[str, list[str]] = {}
    for name in sorted(sides[0].keys() | sides[1].keys()):
        if (stage := _stage(name, experiment)) in DATA:
            continue
        total[stage] += 1
        if sides[0].get(name) != sides[1].get(name):
            folder = name.removeprefix(f"{experiment}/")
            names.setdefault(stage, []).append(folder.removeprefix(f"{stage}/"))
    lines: list[list[Cell | str]] = [
        [stage, Cell(f"{len(names[stage])} of {total[stage]}"), numbers.some(names[stage], 8)]
        for stage in total
        if stage in names
    ]
    told = f"Other bytes in {sum(map(len, names.values()))} of {_count(total.total(), 'folder')}."
    return _section("Artifacts", [told], table("Other bytes", ("Stage", "Folders", "Which"), lines))


def _metrics(one: Side, other: Side) -> Section:
    mains = one.described["tasks"] | other.described["tasks"]
    found = pair(one.rows, other.rows, mains)
    counts = Counter(change.verdict for change in found.changes)
    told = [
        f"{numbers.count(found.both)} rows in both, {numbers.count(found.changed)} of them with "
        f"another value; {numbers.count(found.only[0].total())} only in the first, "
        f"{numbers.count(found.only[1].total())} only in the second.",
        *_odd(found),
        f"Main metrics of tasks and representations, {_count(len(found.changes), 'comparison')}: "
        + ", ".join(f"{number} {verdict}" for verdict, number in sorted(counts.items()))
        + ".",
    ]
    tables = (_changes(found.changes), _only(found))
    shown = tuple(t for t in tables if t.rows)
    return Section("Metrics", "metrics", tuple(told), tables=shown, notes=(NOTE,) if shown else ())


def _changes(changes: Sequence[Change]) -> Table:
    lines: list[list[Cell | str]] = []
    for each in changes:
        if each.verdict == SAME:
            continue
        stage, task, corpus, name, strategy, probe, variant, metric = each.unit
        how = ", ".join(str(part) for part in (strategy, probe, variant) if part is not None)
        seeds = f"{each.difference.num} seeds" if each.p is not None else numbers.MISSING
        lines.append(
            [
                f"{stage}: {task or corpus}",
                str(name),
                how or numbers.MISSING,
                numbers.name(metric),
                Cell(numbers.value(metric, each.first), each.first),
                Cell(numbers.value(metric, each.second), each.second),
                _signed(metric, each.difference.mean),
                numbers.interval(metric, each.difference, signed=True),
                Cell(numbers.small(each.p), each.p),
                each.verdict if each.p is None else f"{each.verdict} ({seeds})",
            ]
        )
    columns = ["Stage and task", "Representation", "By", "Metric", "First", "Second", "Difference"]
    columns += [f"{LEVEL:.0%} interval", "p (Holm)", "Second is"]
    return table("Main metrics that differ, the surest first", columns, lines)


def _signed(metric: str, difference: float) -> Cell:
    """With as many digits as tell it from 0."""
    text = numbers.value(metric, difference, signed=True)
    is_blank = not text.strip("+−0.") and difference != 0
    return Cell(numbers.small(difference) if is_blank else text, difference)


def _odd(found: Pairing) -> list[str]:
    """Rows that are in no comparison, or would be hidden by others."""
    told = []
    for count, what in (
        (found.undefined, "rows of both have no number as their value in the {}"),
        (found.repeated, "rows of the {} measure the same as a later row, which counts"),
    ):
        for n, side in zip(count, ("first", "second"), strict=True):
            told += [f"{numbers.count(n)} {what.format(side)}."] if n else []
    return told


def _only(found: Pairing) -> Table:
    lines: list[list[Cell | str]] = []
    for where, counter in zip(("first", "second"), found.only, strict=True):
        for about, number in counter.items():
            shown = [numbers.MISSING if part is None else str(part) for part in about]
            lines.append([*shown, where, Cell(numbers.count(number), number)])
    columns = ("Stage", "Task", "Representation", "Only in the", "Rows")
    return table("Rows that only one has", columns, lines)


def _keys(title: str, what: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> Section:
    """A section of keys whose values differ."""
    lines: list[list[Cell | str]] = [
        [key, str(one.get(key, ABSENT)), str(other.get(key, ABSENT))]
        for key in sorted(one.keys() | other.keys())
        if one.get(key, ABSENT) != other.get(key, ABSENT)
    ]
    told = f"{_count(len(lines), what)} changed." if lines else "Nothing changed."
    return _section(
        title, [told], table(f"{title} that changed", ("Key", "First", "Second"), lines)
    )


def _section(title: str, told: Sequence[str], made: Table) -> Section:
    anchor = title.partition(",")[0].lower()
    return Section(title, anchor, tuple(told), tables=(made,) if made.rows else ())


def _of(side: Side, experiment: str) -> dict[str, str]:
    """Digests of artifacts of the experiment, and of data sets."""
    found = side.described["artifacts"]
    return {
        name: str(v) for name, v in found.items() if name.startswith((f"{experiment}/", "data/"))
    }


def _stage(name: str, experiment: str) -> str:
    """`model` of `demo/model/controlled/bert`; `data` of a data set."""
    return name.removeprefix(f"{experiment}/").partition("/")[0]


def _without(params: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {key: value for key, value in flat(params).items() if not key.startswith(prefix)}


def _count(number: int, what: str) -> str:
    return f"{numbers.count(number)} {what}{'' if number == 1 else 's'}"
