"""Pre-training: losses, budgets and curves of the representations that have them."""

from __future__ import annotations

from polyseme.reporting import numbers
from polyseme.reporting.collect import Evidence
from polyseme.reporting.costs import pretrain
from polyseme.reporting.figures import loss as figure
from polyseme.reporting.page import Cell, Section, table
from polyseme.reporting.sections.comparison import number, score

METRICS = ("loss", "bits_per_byte", "perplexity")
NOTE = (
    "Bits per byte and perplexity of a masked language model are over masked tokens alone, which "
    "it guesses from both sides; those of a causal model are over every token, from the left. "
    "They compare models of one kind with the same tokenizer, not masked with causal ones."
)


def build(evidence: Evidence) -> Section | None:
    """The section; None where nothing reported its pre-training."""
    rows = evidence.rows.where(stage="pretrain")
    drawn = figure.draw(evidence)
    if not rows and drawn is None:
        return None
    splits = rows.distinct("split")
    known = rows.distinct("metric")
    metrics = [m for m in METRICS if m in known] + [m for m in known if m not in METRICS]
    measures = [
        (split, m) for split in splits for m in metrics if rows.where(split=split, metric=m)
    ]
    lines: list[list[Cell | str]] = []
    for (corpus, name), group in rows.by("corpus", "representation").items():
        seconds = pretrain(evidence, corpus, name)
        lines.append(
            [
                evidence.system(corpus, name),
                str(group.one("family")),
                *(score(m, group.where(split=split, metric=m)) for split, m in measures),
                number(group.one("words_seen")),
                number(group.one("num_parameters")),
                Cell(numbers.duration(seconds), seconds),
            ]
        )
    columns = ["Representation", "Family", *(f"{numbers.name(m)}, {s}" for s, m in measures)]
    columns += ["Words seen", "Parameters", "Time"]
    caption = "Pre-training: loss in nats, bits per UTF-8 byte, perplexity per predicted token"
    return Section(
        "Pre-training",
        "pretraining",
        figures=(drawn,) if drawn else (),
        tables=(table(caption, columns, lines),) if lines else (),
        notes=(NOTE,) if drawn or "bits_per_byte" in known else (),
    )
