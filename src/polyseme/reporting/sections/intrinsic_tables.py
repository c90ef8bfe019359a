"""Tables of measures of sentences and of words in context."""

from __future__ import annotations

from collections.abc import Mapping

from polyseme.reporting import numbers
from polyseme.reporting.collect import Evidence
from polyseme.reporting.intrinsic import COVERAGE, MOST_FREQUENT, best, own
from polyseme.reporting.measurements import Measurements
from polyseme.reporting.page import Cell, Table, table
from polyseme.reporting.sections.comparison import number, score
from polyseme.reporting.sections.probe_tables import OPEN_ROWS, Line, place

Groups = Mapping[str, Measurements]
PHENOMENON = "phenomenon: "
ACCURACY = "accuracy"
SIMILARITIES = ("self_similarity", "intra_sentence_similarity", "max_explained_variance")


def bounded(metric: str, rows: Measurements) -> Cell:
    """One value with its interval, several as mean and spread."""
    known = rows.known().rows
    if len(known) != 1:
        return score(metric, rows)
    (row,) = known
    text = numbers.bounded(metric, row["value"], row["low"], row["high"])
    return Cell(text, row["value"])


def pairs(evidence: Evidence, groups: Groups) -> list[Table]:
    """Accuracy over all items and by phenomenon; other parts have to be opened."""
    tables = []
    for task, rows in groups.items():
        named = [p for p in rows.distinct("part") if p.startswith(PHENOMENON)]
        lines: list[Line] = []
        for (system, variant), group in rows.where(metric=ACCURACY).by("system", "variant").items():
            whole = group.where(part=None)
            line: Line = [system, variant or "", bounded(ACCURACY, whole)]
            line += [bounded(ACCURACY, group.where(part=part)) for part in named]
            lines.append([*line, number(whole.one("num_items"))])
        columns = [
            "Representation",
            "Scored by",
            "All",
            *(p.removeprefix(PHENOMENON) for p in named),
        ]
        tables.append(table(f"{task}: {ACCURACY}", [*columns, "Items"], lines, fold=("Items",)))
        others = Measurements([row for row in rows if row["part"] not in named])
        tables += parts_by_system(task, others, ACCURACY, "Part")
    return tables


def parts_by_system(task: str, rows: Measurements, metric: str, title: str) -> list[Table]:
    """Parts down, representations across; where there are variants, the variants of each."""
    rows = Measurements([row for row in rows.where(metric=metric) if row["part"] is not None])
    keys = list(rows.by("system", "variant"))
    if not keys:
        return []
    lines: list[Line] = []
    for part, group in rows.by("part").items():
        cells = [bounded(metric, group.where(system=s, variant=v)) for s, v in keys]
        lines.append([part, number(max(group.distinct("num_items"), default=None)), *cells])
    heads = [f"{system}, {variant}" if variant else system for system, variant in keys]
    caption = f"{task}: {numbers.name(metric)} by {title.lower()}"
    return [table(caption, [title, "Items", *heads], lines, is_folded=True)]


def language(evidence: Evidence, groups: Groups) -> list[Table]:
    """A line a text and language model."""
    metrics = list(dict.fromkeys(m for rows in groups.values() for m in rows.distinct("metric")))
    lines: list[Line] = []
    for task, rows in groups.items():
        for system, group in rows.by("system").items():
            found = [score(metric, group.where(metric=metric)) for metric in metrics]
            lines.append([task, system, *found, number(group.one("num_items"))])
    columns = ["Text", "Representation", *map(numbers.name, metrics), "Words"]
    return [table("Held-out text", columns, lines, fold=("Text", "Words"))]


def senses(evidence: Evidence, groups: Groups) -> list[Table]:
    """Each way in its best layer, with the most frequent sense; then every layer."""
    metrics = (ACCURACY, "accuracy_with_backoff", "answered")
    tables = []
    for task, rows in groups.items():
        measured = own(rows).where(metric=metrics)
        lines: list[Line] = []
        every: list[Line] = []
        for (system, variant), group in measured.by("system", "variant").items():
            if chosen := best(group, ACCURACY):
                cells = [score(metric, chosen.rows.where(metric=metric)) for metric in metrics]
                items = number(chosen.rows.one("num_items"))
                lines.append([system, variant or "", place(chosen.layer), *cells, items])
            for layer, one in group.by("layer").items():
                cells = [score(metric, one.where(metric=metric)) for metric in metrics]
                every.append([system, variant or "", place(layer), *cells])
        frequent = rows.where(variant=MOST_FREQUENT, metric=metrics)
        if base := list(frequent.by("system").values())[:1]:
            cells = [score(metric, base[0].where(metric=metric)) for metric in metrics]
            items = number(base[0].one("num_items"))
            lines.append(["most frequent (baseline)", "", Cell(numbers.MISSING), *cells, items])
        columns = ["Representation", "Nearest", "Layer", *map(_title, metrics)]
        tables.append(
            table(f"{task}: in the best layer", [*columns, "Items"], lines, fold=("Items",))
        )
        tables.append(table(f"{task}: every layer", columns, every, is_folded=True))
    return tables


def thresholds(evidence: Evidence, groups: Groups) -> list[Table]:
    """The best layer of each representation, then every layer."""
    tables = []
    for task, rows in groups.items():
        lines: list[Line] = []
        every: list[Line] = []
        for system, group in rows.by("system").items():
            for layer, one in group.by("layer").items():
                every.append([system, place(layer), *_with_threshold(one)])
            if chosen := best(group, ACCURACY):
                lines.append([system, place(chosen.layer), *_with_threshold(chosen.rows)])
        columns = ["Representation", "Layer", "Accuracy", "Threshold", "Items"]
        caption = f"{task}: cosine above a threshold"
        tables.append(table(f"{caption}, in the best layer", columns, lines, fold=("Items",)))
        tables.append(table(f"{caption}, every layer", columns[:-1], [e[:-1] for e in every],
                            is_folded=True))  # fmt: skip
    return tables


def _with_threshold(rows: Measurements) -> Line:
    accuracy = rows.where(metric=ACCURACY)
    limit = rows.where(metric="threshold")
    return [
        bounded(ACCURACY, accuracy),
        score("threshold", limit),
        number(accuracy.one("num_items")),
    ]


def contextuality(evidence: Evidence, groups: Groups) -> list[Table]:
    """By representation and layer, raw and corrected."""
    lines: list[Line] = []
    for rows in groups.values():
        for (system, layer), group in rows.by("system", "layer").items():
            line: Line = [
                system,
                place(layer),
                score("anisotropy", group.where(metric="anisotropy")),
            ]
            for metric in SIMILARITIES:
                for variant in ("raw", "corrected"):
                    line.append(score(metric, group.where(metric=metric, variant=variant)))
            lines.append(line)
    columns = ["Representation", "Layer", "Anisotropy"]
    columns += [f"{_title(m)}{told}" for m in SIMILARITIES for told in ("", ", corrected")]
    return [table("Contextuality by layer", columns, lines, is_folded=len(lines) > OPEN_ROWS)]


def plain(task: str, rows: Measurements) -> Table:
    """One line a representation, layer, variant and part; metrics and policies across."""
    metrics = [m for m in rows.distinct("metric") if m != COVERAGE]
    groups = {(m, p): rows.where(metric=m, strategy=p) for m in metrics
              for p in (*rows.distinct("strategy"), None)}  # fmt: skip
    pairs = [key for key, found in groups.items() if found]
    lines: list[Line] = []
    for (system, layer, variant, part), group in rows.by(
        "system", "layer", "variant", "part"
    ).items():
        line: Line = [
            system,
            place(layer),
            variant or "",
            part or "",
        ]
        line.append(score(COVERAGE, group.where(metric=COVERAGE)))
        for metric, policy in pairs:
            found = group.where(metric=metric, strategy=policy)
            line += [bounded(metric, found), number(found.one("num_items"))]
        lines.append(line)
    columns = ["Representation", "Layer", "Variant", "Part", "Coverage"]
    for metric, policy in pairs:
        about = f" ({policy})" if policy else ""
        columns += [f"{numbers.name(metric)}{about}", f"Items{about}"]
    return table(f"{task}: by layer", columns, lines, is_folded=len(lines) > OPEN_ROWS)


def _title(metric: str) -> str:
    return numbers.name(metric).capitalize()
