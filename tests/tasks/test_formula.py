"""Formulas of SyntaxGym, worked by hand."""

from __future__ import annotations

import pytest

from polyseme.errors import DataError
from polyseme.tasks.common import formula

BITS = {("1", "a"): 2.0, ("2", "a"): 5.0, ("1", "b"): 3.0, ("2", "b"): 1.0}


def _bits(region: int | None, condition: str) -> float:
    if region is None:
        return sum(value for (_, name), value in BITS.items() if name == condition)
    return BITS[str(region), condition]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(1;%a%) < (1;%b%)", True),
        ("(1;%a%) > (1;%b%)", False),
        ("(2;%a%)>(1;%a%)+(1;%b%)", False),  # 5 > 5
        ("(2;%a%) = (1;%a%) + (1;%b%)", True),
        ("(2;%a%) - (1;%a%) - (2;%b%) = 2", True),  # from the left: (5 - 2) - 1
        ("(2;%a%) - [(1;%a%) - (2;%b%)] = 4", True),
        ("[(1;%a%)<(1;%b%)] & [(2;%a%)<(2;%b%)]", False),
        ("[(1;%a%)<(1;%b%)] | [(2;%a%)<(2;%b%)]", True),
        ("(1;%a%)<(1;%b%) | (1;%a%)<(1;%b%) & (2;%a%)<(2;%b%)", True),  # & binds more
        ("((1;%a%)<(1;%b%) | (1;%a%)<(1;%b%)) & (2;%a%)<(2;%b%)", False),
        ("[(1;%b%)-(1;%a%)]+[[(1;%a%)+(2;%a%)]-[(1;%b%)+(2;%b%)]]>0", True),  # 1 + (7 - 4)
        ("(*;%a%) = 7", True),
        ("(*;%b%) > 4.5", False),
        (" ( 2 ; %a% ) > 4.99 ", True),
    ],
)
def test_value(text: str, expected: bool) -> None:
    assert formula.read(text, where="x.json").holds(_bits) is expected


def test_terms_are_listed() -> None:
    found = formula.read("[(2;%a_b-c%) < (*;%b%)] & [(2;%a_b-c%) > 0]", where="x.json")
    assert found.terms == [(2, "a_b-c"), (None, "b"), (2, "a_b-c")]


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("(1;%a%) < ", 11),
        ("(1;%a%) < (1;%b%) < (2;%a%)", 19),
        ("(1;%a%)", 1),
        ("[(1;%a%) < (1;%b%)", 1),
        ("[(1;%a%) < (1;%b%))", 1),
        ("(1;%a%) < (1;b)", 13),
        ("(1;%a%) < __import__('os')", 11),
        ("(1;%a%) * 2 > 1", 9),
        ("1 & (1;%a%) < 2", 1),
        ("(1;%a%) < 2 & 1", 15),
        ("[1 < 2] + 1 > 0", 1),
        ("1 < [1 < 2]", 5),
        ("1 < 2 )", 7),
        ("", 1),
        ("[" * 60 + "1 < 2" + "]" * 60, 51),
        ("1 < 2" + " | 1 < 2" * 300, 2001),
    ],
)
def test_what_is_no_formula_is_refused_with_its_position(text: str, position: int) -> None:
    with pytest.raises(DataError, match=rf"x\.json: suite s: position {position}\b"):
        formula.read(text, where="x.json: suite s")
