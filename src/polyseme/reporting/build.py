"""Write a report: one table, and everything that is made from it.

    results.parquet   every row of every stage
    dictionary.md     what each column means
    README.md, index.html
    scores.json       scores by task, representation, strategy and labels: what choices are made of
    figures/          <name>.svg and <name>-dark.svg
    cards.html, cards/<representation>-<task>.svg
    metrics/          JSON for `dvc metrics`, CSV for `dvc plots`

Apart from seconds, the bytes follow from rows, cards and run records alone.
"""

from __future__ import annotations

from pathlib import Path

from polyseme import results
from polyseme.errors import DataError
from polyseme.reporting import cards as probe_cards
from polyseme.reporting import charts, metrics, pages, scores, tested
from polyseme.reporting.collect import Evidence
from polyseme.reporting.figures import card as card_figure
from polyseme.reporting.figures import style
from polyseme.reporting.page import Report
from polyseme.reporting.sections import (
    anchors,
    answer,
    cards,
    checks,
    choice,
    comparison,
    cost,
    findings,
    floor,
    intrinsic,
    language_models,
    learning,
    overview,
    polysemy,
    probes,
    provenance,
    strategies,
)

SECTIONS = (
    answer.build,
    overview.build,
    choice.build,
    checks.build,
    polysemy.build,
    comparison.build,
    learning.build,
    strategies.build,
    findings.build,
    anchors.build,
    probes.build,
    intrinsic.build,
    floor.build,
    language_models.build,
    cost.build,
    cards.build,
    provenance.build,
)


def write(folder: Path, evidence: Evidence) -> None:
    """Write the report into an empty folder.

    Raises:
        DataError: there is no measurement to report.
    """
    if not evidence.rows:
        raise DataError(
            "nothing was measured",
            where=f"experiment {evidence.experiment}",
            mend="select tasks or intrinsic measures in conf/experiment",
        )
    schema = results.REPORT_SCHEMA
    measured = [name for name in schema.names if name not in results.TESTED]
    rows = [{name: row[name] for name in measured} for row in tested.bounded(evidence)]
    rows += tested.rows(evidence)
    results.write(folder / "results.parquet", rows, schema=schema)
    (folder / "dictionary.md").write_text(dictionary(), encoding="utf-8")
    metrics.write(folder / "metrics", evidence)
    report = compose(evidence)
    _write_figures(folder / "figures", report)
    _write_cards(folder, evidence)
    (folder / "README.md").write_text(pages.readme(report), encoding="utf-8")
    drawn = charts.build(evidence)
    (folder / "index.html").write_text(pages.html(report, drawn), encoding="utf-8")
    if found := drawn.data["scores"]:
        (folder / scores.NAME).write_text(scores.dump(found), encoding="utf-8")


def compose(evidence: Evidence) -> Report:
    """The report as plain parts; sections without rows are left out."""
    corpora = ", ".join(evidence.selection.corpora)
    names = evidence.selection.representations
    lead = f"{len(names)} representation{'s' if len(names) != 1 else ''}"
    lead += f" trained on {corpora}" if corpora else ""
    tasks = evidence.selection.tasks
    lead += f", measured on {', '.join(tasks)}." if tasks else "."
    sections = (build(evidence) for build in SECTIONS)
    return Report(
        f"Report: {evidence.experiment}", lead, tuple(section for section in sections if section)
    )


def dictionary() -> str:
    """The data dictionary of results.parquet as Markdown."""
    lines = ["# Columns of results.parquet", "", "One row is one measurement; missing is null.", ""]
    lines += ["| column | type | meaning |", "|---|---|---|"]
    for field in results.REPORT_SCHEMA:
        meaning = pages.markdown(results.DICTIONARY[field.name])
        lines.append(f"| {pages.markdown(field.name)} | {field.type} | {meaning} |")
    return "\n".join(lines) + "\n"


def _write_figures(folder: Path, report: Report) -> None:
    folder.mkdir()
    for section in report.sections:
        for figure in section.all_figures:
            (folder / f"{figure.name}.svg").write_text(figure.svg, encoding="utf-8")
            dark = style.dark(figure.svg)
            (folder / f"{figure.name}-dark.svg").write_text(dark, encoding="utf-8")


def _write_cards(folder: Path, evidence: Evidence) -> None:
    """The cards and their page; nothing where nothing was probed."""
    made = probe_cards.cards(evidence)
    if not made:
        return
    (folder / probe_cards.FOLDER).mkdir()
    for card in made:
        path = folder / probe_cards.FOLDER / f"{card.name}.svg"
        path.write_text(card_figure.draw(card), encoding="utf-8")
    page = pages.cards(evidence.experiment, made)
    (folder / probe_cards.PAGE).write_text(page, encoding="utf-8")
