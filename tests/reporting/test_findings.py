"""Textbook findings: verdicts follow the numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from fake_measures import lines_of

from polyseme.reporting import findings
from polyseme.reporting.collect import Evidence
from polyseme.reporting.measurements import Measurements


def _verdicts(evidence: Evidence, change: Callable[[dict[str, Any]], dict[str, Any]]) -> list[str]:
    """Verdicts on rows of which some are changed."""
    rows = Measurements([row | change(row) for row in evidence.rows])
    return [each.verdict for each in findings.findings(replace(evidence, rows=rows))]


def _swap(column: str, one: str, other: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    names = {one: other, other: one}
    return lambda row: {column: names.get(row[column], row[column])}


def _negate(metric: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda row: {"value": -row["value"]} if row["metric"] == metric else {}


YES, NO, UNTOLD = findings.YES, findings.NO, findings.UNTOLD


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda row: {}, [YES, YES, YES, YES, YES]),
        (_swap("probe", "linear", "mlp"), [NO, YES, YES, YES, YES]),
        (_swap("task", "cpos", "trees"), [YES, NO, NO, YES, YES]),
        (_negate("anisotropy"), [YES, YES, YES, NO, YES]),
        (_negate("spearman"), [YES, YES, YES, YES, NO]),
    ],
)
def test_verdicts_follow_the_numbers(evidence, change, expected):
    if expected[1] is NO:  # tags and relations exchanged, without the senses
        own = Measurements([r for r in evidence.rows if r["task"] != "senses"])
        evidence = replace(evidence, rows=own)
    found = _verdicts(evidence, change)
    assert found == expected


def test_overlapping_seeds_cannot_be_told_apart(evidence):
    def blur(row: dict[str, Any]) -> dict[str, Any]:
        is_low = row["metric"] == "selectivity" and row["seed"] == 0 and row["probe"] == "linear"
        return {"value": -1.0} if is_low else {}

    assert _verdicts(evidence, blur)[0] == UNTOLD


def test_selectivities_are_compared_where_both_probes_have_read(evidence):
    def without(probes: tuple[str, ...]) -> str:
        kept = [r for r in evidence.rows if r["task"] != "senses" or r["probe"] not in probes]
        found = findings.findings(replace(evidence, rows=Measurements(kept)))
        return found[0].here

    assert without(("mlp",)) == without(("mlp", "linear")) != without(())


def test_one_seed_tells_nothing(evidence):
    own = Measurements([row for row in evidence.rows if row["seed"] in (None, 0)])
    found = [each.verdict for each in findings.findings(replace(evidence, rows=own))]
    assert found == [UNTOLD, UNTOLD, UNTOLD, YES, YES]


def test_the_numbers_of_findings_are_those_of_the_rows(rich):
    lines = {line["Finding"]: line for line in lines_of(rich, "What is known")}
    assert list(lines) == [
        "selectivity",
        "random weights",
        "order of layers",
        "anisotropy",
        "word similarity",
    ]
    assert "in 2 of 2 representations" in lines["anisotropy"]["Here"]
    assert "from 0.100 in the first layer to 0.500 in the last" in lines["anisotropy"]["Here"]
    assert "1.000 (seeds 1.000 to 1.000) for parts of speech" in lines["order of layers"]["Here"]
    assert "centre of gravity of edges 2.250" in lines["order of layers"]["Here"]
    assert "in 1 of 1 tasks (mean difference +0.220)" in lines["word similarity"]["Here"]
