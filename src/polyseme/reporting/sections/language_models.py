"""Pre-training: what static and contextual representations cost, losses and their curves."""

from __future__ import annotations

from polyseme.reporting import numbers
from polyseme.reporting.collect import Evidence
from polyseme.reporting.figures import loss as figure
from polyseme.reporting.made import NUM_BYTES, Made
from polyseme.reporting.measurements import Measurements
from polyseme.reporting.page import Cell, Section, Table, table
from polyseme.reporting.sections.comparison import number, score

METRICS = ("loss", "bits_per_byte", "perplexity")
SPLITS = ("test", "valid")
NOTE = (
    "Losses, bits per byte and perplexities compare only between models that predict the same "
    "tokens from the same sides, with the same tokenizer."
)


def build(evidence: Evidence) -> Section | None:
    """The section; None where there is no representation."""
    if not evidence.made:
        return None
    drawn = figure.draw(evidence)
    rows = evidence.rows.where(stage="pretrain")
    static = {name: of for name, of in evidence.made.items() if of.is_static}
    contextual = {name: of for name, of in evidence.made.items() if not of.is_static}
    tables = (_static(static, rows), _contextual(contextual, rows), _others(contextual, rows))
    return Section(
        "Pre-training",
        "pretraining",
        figures=(drawn,) if drawn else (),
        tables=tuple(each for each in tables if each.rows),
        notes=(f"{NOTE} {_kinds(contextual)}".rstrip(),) if contextual else (),
    )


def _static(made: dict[str, Made], rows: Measurements) -> Table:
    """Counts of types, pairs and updates; of those without a record, what their rows tell."""
    counts: dict[str, dict[str, float]] = {}
    for name, of in made.items():
        own = rows.where(system=name, split="train").known()
        told = {row["metric"]: row["value"] for row in own if row["metric"].startswith("num_")}
        counts[name] = told | of.costs
    known = dict.fromkeys(key for found in counts.values() for key in found)
    keys = [key for key in known if key != NUM_BYTES]
    lines: list[list[Cell | str]] = []
    for name, of in made.items():
        found = counts[name]
        lines.append(
            [
                name,
                *(number(found.get(key)) for key in keys),
                number(of.card["words_seen"]),
                number(of.card["num_parameters"]),
                *_price(of, found.get(NUM_BYTES)),
            ]
        )
    titles = [key.removeprefix("num_").replace("_", " ").capitalize() for key in keys]
    columns = ["Representation", *titles, "Words seen", "Parameters", "Size", "Time"]
    return table("Static representations: what their training took", columns, lines)


def _contextual(made: dict[str, Made], rows: Measurements) -> Table:
    measured = [(metric, split) for split in SPLITS for metric in METRICS]
    lines: list[list[Cell | str]] = []
    for name, of in made.items():
        own = rows.where(system=name)
        lines.append(
            [
                name,
                *(score(m, own.where(metric=m, split=split)) for m, split in measured),
                number(of.card["words_seen"]),
                number(of.card["num_parameters"]),
                *_price(of, of.costs.get(NUM_BYTES)),
            ]
        )
    columns = ["Representation", *(f"{numbers.name(m)}, {split}" for m, split in measured)]
    columns += ["Words seen", "Parameters", "Size", "Time"]
    caption = "Contextual representations: loss in nats, bits per UTF-8 byte, perplexity per "
    return table(f"{caption}predicted token", columns, lines)


def _price(of: Made, num_bytes: float | None) -> list[Cell]:
    time = Cell(numbers.duration(of.seconds), of.seconds)
    size = Cell(numbers.size(num_bytes), num_bytes)
    return [size, Cell(numbers.ELSEWHERE) if of.is_from_elsewhere else time]


def _others(made: dict[str, Made], rows: Measurements) -> Table:
    """What single models report besides."""
    lines: list[list[Cell | str]] = []
    for name in made:
        for metric, own in rows.where(system=name).by("metric").items():
            if metric not in METRICS:
                scores = [score(metric, own.where(split=split)) for split in SPLITS]
                lines.append([name, numbers.name(metric), *scores])
    columns = ["Representation", "Measure", *SPLITS]
    return table("What single models report besides", columns, lines)


def _kinds(made: dict[str, Made]) -> str:
    """Which models predict the same."""
    kinds: dict[str, list[str]] = {}
    for name, of in made.items():
        if of.predicts:
            by = f" ({of.predictor})" if of.predictor else ""
            kinds.setdefault(of.predicts, []).append(f"{name}{by}")
    parts = [
        f"{numbers.listing(names)} predict{'s' if len(names) == 1 else ''} {kind}"
        for kind, names in kinds.items()
    ]
    return f"Here {'; '.join(parts)}." if parts else ""
