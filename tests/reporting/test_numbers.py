"""Numbers as text."""

from __future__ import annotations

import pytest

from polyseme.reporting import numbers
from polyseme.stats.seeds import summarize


@pytest.mark.parametrize(
    ("metric", "number", "signed", "text"),
    [
        ("accuracy", 0.61249, False, "0.612"),
        ("selectivity", -0.05, False, "−0.050"),
        ("accuracy", -0.0001, False, "0.000"),
        ("accuracy", 0.05, True, "+0.050"),
        ("perplexity", 66.66, False, "66.7"),
        ("num_types", 12345.0, False, "12,345"),
        ("accuracy", None, False, "–"),
    ],
)
def test_values(metric, number, signed, text):
    assert numbers.value(metric, number, signed=signed) == text


def test_spread_needs_two_seeds():
    assert numbers.spread("accuracy", summarize([0.5, 0.6])) == "0.550 ± 0.071"
    assert numbers.spread("accuracy", summarize([0.5])) == "0.500"


@pytest.mark.parametrize(
    ("seconds", "text"), [(5.04, "5.0 s"), (600, "10.0 min"), (5400, "1.5 h"), (None, "–")]
)
def test_durations(seconds, text):
    assert numbers.duration(seconds) == text


def test_listing():
    assert numbers.listing(["a"]) == "a"
    assert numbers.listing(["a", "b", "c"]) == "a, b and c"
