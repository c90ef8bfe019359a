"""Numbers as text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from polyseme.reporting import numbers
from polyseme.stats.differences import difference
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


@pytest.mark.parametrize(
    ("num_bytes", "text"),
    [(512, "512 B"), (1536, "1.5 KiB"), (12e6, "11.4 MiB"), (3 * 2**30, "3.0 GiB"), (None, "–")],
)
def test_sizes(num_bytes, text):
    assert numbers.size(num_bytes) == text


def test_some_names_and_a_count_of_the_others():
    assert numbers.some(["a", "b", "c", "d"]) == "a, b, c and d"
    assert numbers.some(["a", "b", "c", "d", "e"]) == "a, b, c and 2 others"


def test_listing():
    assert numbers.listing(["a"]) == "a"
    assert numbers.listing(["a", "b", "c"]) == "a, b and c"


@pytest.mark.parametrize(
    ("own", "corrected", "mark"),
    [(0.01, 0.2, " †"), (0.01, None, " †"), (0.01, 0.04, ""), (0.2, 0.9, ""), (None, None, "")],
)
def test_an_interval_that_only_a_test_by_itself_would_see_is_marked(own, corrected, mark):
    found = replace(difference([0.1, 0.2, 0.12], None, None), p=own)
    plain = numbers.interval("accuracy", found, signed=True)
    assert numbers.tested("accuracy", found, corrected) == plain + mark


def test_verdicts_that_nothing_has_are_left_out():
    words = {"better": "above", "worse": "below", "tie": "level"}
    assert numbers.by_verdict(words, {"better": ["a", "b"], "tie": ["c"], "worse": []}) == (
        "above on a and b; level on c"
    )
