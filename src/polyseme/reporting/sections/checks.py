"""The invariance battery: what was asked of every representation, and what was found."""

from __future__ import annotations

from polyseme.reporting import numbers
from polyseme.reporting.checks import STAGE, failures
from polyseme.reporting.collect import Evidence
from polyseme.reporting.measurements import Measurements, Row
from polyseme.reporting.page import Cell, Item, Section, Table, table
from polyseme.reporting.sections.comparison import number

ASKED = {
    "batch_size": "a sentence alone, and 32 times in one batch",
    "padding": "the same batch with a little and with much padding",
    "left_padding": "padding on the left",
    "neighbours": "the same sentences beside others of the same lengths",
    "order": "the examples in the opposite order",
    "length_sorted": "a batch that is sorted by length, and one that is not",
    "precision": "float32 and bfloat16; 1 - cosine",
    "defined": "words without a vector",
    "empty": "a sentence without words, and those beside it",
    "one_word": "sentences of one word: words without a vector",
    "long": "a sentence beyond the maximum: its beginning, and that as if alone",
    "test_labels": "distance from chance with shuffled labels of the test",
    "train_labels": "distance from chance with shuffled labels of the training",
}
NOTE = (
    "Differences are those of the worst word and task: of a component of a vector, as a share of "
    "the largest one of its layer, where nothing else is said. Representations that fail a check "
    "are named with it; their scores stand in the tables, but the answer leaves them out. Chance "
    "is anything from the agreement of two that choose labels with these frequencies to the rate "
    "of the most frequent label; the tolerance is the wider of a binomial interval over items and "
    "a Student interval over shuffles."
)


def build(evidence: Evidence) -> Section | None:
    """The section; None where the battery has not run."""
    rows = evidence.rows.where(stage=STAGE)
    if not rows:
        return None
    found = rows.distinct("metric")
    names = [name for name in ASKED if name in found]
    names += [name for name in found if name not in ASKED]
    items = [_item(row) for failed in failures(rows).values() for row in failed]
    return Section(
        "Checks before scores count",
        "checks",
        paragraphs=(_count(rows, len(names)),),
        items=tuple(items),
        tables=(_checks(rows, names), _systems(rows, names)),
        notes=(NOTE,),
    )


def _count(rows: Measurements, num_checks: int) -> str:
    systems, failed = rows.distinct("system"), failures(rows)
    text = f"{len(systems)} representation{'s' if len(systems) != 1 else ''}, {num_checks} checks, "
    text += f"on {numbers.listing(rows.distinct('task'))}: "
    if not failed:
        return f"{text}every check that applies has passed."
    return f"{text}{numbers.listing(list(failed))} failed."


def _item(row: Row) -> Item:
    told = [f"{numbers.name(row['metric'])} on {row['task']}"]
    if row["value"] is not None:
        allowed = numbers.small(row["tolerance"])
        told.append(f"difference {numbers.small(row['value'])}, tolerance {allowed}")
    told += [row["reason"]] if row["reason"] else []
    return Item(row["system"], f"{'; '.join(told)}.")


def _checks(rows: Measurements, names: list[str]) -> Table:
    """One line a check: the worst of what was found."""
    lines: list[list[Cell | str]] = []
    for name in names:
        group = rows.where(metric=name)
        asked = group.known()
        worst = max(asked, key=lambda row: float(row["value"]), default=None)
        at = f"{worst['system']}, {worst['task']}" if worst and worst["value"] else numbers.MISSING
        tolerances = sorted(asked.distinct("tolerance"))
        lines.append(
            [
                numbers.name(name),
                ASKED.get(name, numbers.MISSING),
                *(number(len(group.where(checked=passed))) for passed in (True, False)),
                _small(worst["value"] if worst else None),
                at,
                _small(tolerances[-1] if tolerances else None),
                _reason(group),
            ]
        )
    columns = ["Check", "Compared", "Passed", "Failed", "Largest difference", "Where"]
    return table("Checks", [*columns, "Tolerance", "Does not apply"], lines)


def _reason(rows: Measurements) -> str:
    return ", ".join(rows.where(checked=None).distinct("reason")) or numbers.MISSING


def _systems(rows: Measurements, names: list[str]) -> Table:
    """One line a representation, one column a check: its largest difference over tasks."""
    lines: list[list[Cell | str]] = []
    for system, group in rows.by("system").items():
        lines.append([system, *(_worst(group.where(metric=name)) for name in names)])
    columns = ["Representation", *map(numbers.name, names)]
    return table("Largest difference of each representation", columns, lines)


def _worst(rows: Measurements) -> Cell:
    value = max((float(row["value"]) for row in rows if row["value"] is not None), default=None)
    if not rows.where(checked=False):
        return _small(value)
    text = "failed" if value is None else f"failed: {numbers.small(value)}"
    return Cell(text, value, strong=True)


def _small(value: float | None) -> Cell:
    return Cell(numbers.small(value), value)
