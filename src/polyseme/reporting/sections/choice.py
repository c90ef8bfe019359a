"""What to use with few labels and with all: the short form of what the page can be asked."""

from __future__ import annotations

from typing import Any

from polyseme.reporting import numbers, scores
from polyseme.reporting.choosing import Choice, Limits, Pair, choose
from polyseme.reporting.collect import Evidence
from polyseme.reporting.page import Cell, Section, table
from polyseme.reporting.sections.comparison import number
from polyseme.stats.seeds import Summary

RULE = (
    "Recommended is what is best on validation data; scores are those of final data, with their "
    "interval over seeds, with all labels over items as well. Others cannot be told apart from it "
    "where p of the difference, not corrected, is above 0.05."
)
SHOWN = 3


def build(evidence: Evidence) -> Section | None:
    """The section; None where nothing was fine-tuned."""
    found = scores.build(evidence)
    if found is None or not any(found["rows"]["counts"]):
        return None
    lines = []
    for n, task in enumerate(found["tasks"]):
        sizes = {
            size
            for place, size, counts in zip(
                *(found["rows"][key] for key in ("task", "labels", "counts")), strict=True
            )
            if place == n and counts
        } - {None}
        for size in sorted({min(sizes), max(sizes)}) if sizes else []:
            chosen = choose(found, [n], Limits(labels=size))
            lines.append(_line(found, task["metric"], chosen))
    columns = [
        "Task",
        "Labels",
        "Recommended",
        "Strategy",
        "Score",
        "Interval",
        "Size",
        "One sentence",
    ]
    caption = "Recommended for each task, with the fewest and with all labels"
    return Section(
        "What to use",
        "choice",
        paragraphs=(
            "For other numbers of labels, limits of size, time and latency, and kinds of tasks: "
            "the form of the HTML page, or in the terminal",
        ),
        code=f"polyseme choose --report reports/{evidence.experiment} --labels 128 --max-ms 5",
        widgets=("chooser", "matrix"),
        tables=(table(caption, [*columns, "Cannot be told apart"], lines),) if lines else (),
        notes=(RULE,),
    )


def _line(found: dict[str, Any], metric: str, chosen: Choice) -> list[Cell | str]:
    rows, (task,) = found["rows"], chosen.tasks
    n = chosen.rows[task]
    low, high = rows["low"][n], rows["high"][n]
    summary = Summary(rows["seeds"][n], rows["mean"][n], None, 0.0, 0.0, low, high)
    alike = [_named(found, pair) for pair in chosen.alike]
    return [
        found["tasks"][task]["name"],
        number(rows["labels"][n]),
        found["systems"][chosen.pair[0]]["name"],
        found["strategies"][chosen.pair[1]],
        Cell(numbers.value(metric, summary.mean), summary.mean),
        Cell(numbers.interval(metric, summary), low),
        Cell(numbers.size(rows["bytes"][n]), rows["bytes"][n]),
        Cell(numbers.latency(rows["milliseconds"][n]), rows["milliseconds"][n]),
        numbers.some(alike, SHOWN) or "none",
    ]


def _named(found: dict[str, Any], pair: Pair) -> str:
    return f"{found['systems'][pair[0]]['name']} with {found['strategies'][pair[1]]}"
