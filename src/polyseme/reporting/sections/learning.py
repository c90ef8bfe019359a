"""Label budgets: learning curves, and how many labels pre-training saves."""

from __future__ import annotations

from collections.abc import Sequence

from polyseme.reporting import numbers
from polyseme.reporting.collect import Evidence
from polyseme.reporting.figures import learning as figure
from polyseme.reporting.learning import FEW_LABELS, Saved, budgeted, saved
from polyseme.reporting.measurements import Measurements
from polyseme.reporting.page import Cell, Section, Table, table
from polyseme.reporting.sections.comparison import number, score
from polyseme.stats.curves import Labels, Needed

SIGNS = {"at most": "≤ ", "": "", "more than": "> "}
NOTES = (
    f"Labels saved: what a representation reaches with {FEW_LABELS} labelled items (or with the "
    "fewest that were measured) is looked up on two other curves, that of the same representation "
    "from scratch and that of the best static one, the one with the best mean with all labels. "
    "Between two measured numbers the score is taken to be linear in the logarithm of the labels; "
    "beyond them nothing is said: ≤ the fewest, > the most. Where a curve falls and rises, the "
    "first time counts, which makes the saving smaller.",
    "The range is that of the lowest and the highest seed, each compared with the same seed.",
)


def build(evidence: Evidence) -> Section | None:
    """The section; None where no task has several numbers of labels."""
    drawn = figure.draw(evidence)
    if drawn is None:
        return None
    found = saved(evidence)
    tables = [_saved(found)] if found else []
    tables += [_scores(task, rows) for task, rows in budgeted(evidence).items()]
    return Section(
        "Learning curves",
        "learning-curves",
        paragraphs=_never(found),
        figures=(drawn,),
        tables=tuple(tables),
        notes=NOTES,
    )


def _never(found: Sequence[Saved]) -> tuple[str, ...]:
    """How often all labels do not make up for pre-training."""
    compared = [each.scratch for each in found if each.scratch]
    if not compared:
        return ()
    never = sum(each.mean.bound == "more than" for each in compared)
    once = sum(each.mean.bound == "at most" for each in compared)
    sizes = numbers.listing([numbers.count(size) for size in sorted({e.labels for e in found})])
    return (
        f"What is reached with pre-training and {sizes} labelled items takes more than all labels "
        f"from scratch in {never} of {len(compared)} comparisons of task, strategy and "
        f"representation, and no more than the fewest measured in {once}.",
    )


def _saved(found: Sequence[Saved]) -> Table:
    """One line a task, strategy and representation."""
    lines: list[list[Cell | str]] = []
    for each in found:
        spread = Cell(numbers.spread(each.metric, each.score), each.score.mean)
        line: list[Cell | str] = [
            each.task,
            each.strategy,
            each.system,
            number(each.labels),
            spread,
        ]
        line += [*_needed(each.scratch), *_needed(each.static)]
        lines.append([*line, each.best_static or numbers.MISSING])
    columns = ["Task", "Strategy", "Representation", "Labels", "Score with them"]
    columns += ["From scratch needs", "Over seeds (scratch)", "Best static needs"]
    columns += ["Over seeds (static)", "Best static"]
    caption = "Labels saved: how many labels others need for the same score"
    return table(caption, columns, lines, fold=("Labels",))


def _needed(found: Needed | None) -> list[Cell]:
    if found is None:
        return [Cell(numbers.MISSING)] * 2
    least, most = labels_text(found.least), labels_text(found.most)
    between = least if least == most else f"{least} to {most}"
    return [Cell(labels_text(found.mean), found.mean.number), Cell(between, found.least.number)]


def labels_text(labels: Labels) -> str:
    """A number of labels with the sign of its bound."""
    return f"{SIGNS[labels.bound]}{numbers.count(labels.number)}"


def _scores(task: str, rows: Measurements) -> Table:
    """The main metric by number of labels."""
    sizes: list[int] = sorted(rows.distinct("train_size"))
    metric = str(rows.one("metric"))
    lines: list[list[Cell | str]] = []
    for (strategy, system), group in rows.by("strategy", "system").items():
        scores = [score(metric, group.where(train_size=size)) for size in sizes]
        lines.append([strategy, system, *scores])
    columns = ["Strategy", "Representation", *(f"{numbers.count(s)} items" for s in sizes)]
    caption = f"{task}: {numbers.name(metric)} by number of labelled training items"
    return table(caption, columns, lines)
