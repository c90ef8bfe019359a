"""Predictions of SyntaxGym as formulas over surprisals of regions (Hu et al. 2020).

    either     = both ("|" both)*
    both       = comparison ("&" comparison)*
    comparison = sum (("<" | ">" | "=") sum)?
    sum        = factor (("+" | "-") factor)*
    factor     = "(" number ";%" condition "%)" | number | "(" either ")" | "[" either "]"

`(n;%cond%)` is the surprisal of region n in condition cond; `*` in place of n, of the sentence.
Truths are told apart from numbers when a formula is read, so that evaluating it cannot fail. Two
sums are equal (`=`) where they differ by less than `EQUAL` bits: less than floats can tell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from polyseme.errors import DataError

EQUAL = 1e-3
TOKEN = re.compile(r"\s*(?:\(\s*(\d+|\*)\s*;\s*%([^%]+)%\s*\)|(\d+(?:\.\d+)?)|([-+<>=&|()\[\]]))")
CLOSING = {"(": ")", "[": "]"}
MAX_LENGTH = 2000
MAX_DEPTH = 50

Term = tuple[int | None, str]
Surprisals = Callable[[int | None, str], float]
"""Region, from 1, None for all of them, and condition -> bits."""


class Formula(NamedTuple):
    """A formula that has been read.

    Attributes:
        terms: regions and conditions that it asks for, in order.
        holds: whether it is true of some surprisals.
    """

    terms: list[Term]
    holds: Callable[[Surprisals], bool]


class _Value(NamedTuple):
    is_truth: bool
    of: Callable[[Surprisals], float]


class _Token(NamedTuple):
    position: int
    text: str
    term: Term | None


def read(text: str, *, where: str) -> Formula:
    """Read a formula.

    Args:
        where: file and suite, for messages.

    Raises:
        DataError: it is none; names the position, from 1.
    """
    reader = _Reader(text, where)
    found = reader.either(0)
    if (token := reader.next) is not None:
        raise reader.error(f"{token.text!r} is not expected", token.position)
    if not found.is_truth:
        raise reader.error("is a number, and neither true nor false", 0)
    return Formula(reader.terms, lambda surprisals: bool(found.of(surprisals)))


class _Reader:
    """Recursive descent."""

    def __init__(self, text: str, where: str) -> None:
        self.text, self.where = text, where
        self.terms: list[Term] = []
        if len(text) > MAX_LENGTH:
            raise self.error(f"has more than {MAX_LENGTH:,} characters", MAX_LENGTH)
        self._tokens = self._split()
        self.next = next(self._tokens, None)

    def error(self, what: str, position: int) -> DataError:
        """What is wrong at a position, from 0."""
        return DataError(
            f"formula {self.text[:80]!r}: {what}",
            where=f"{self.where}: position {position + 1}",
            mend="write terms (n;%condition%) with + - < > = & | and brackets",
        )

    def _split(self) -> Iterator[_Token]:
        place, end = 0, len(self.text.rstrip())
        while place < end:
            found = TOKEN.match(self.text, place)
            if found is None:
                start = place + len(self.text[place:]) - len(self.text[place:].lstrip())
                raise self.error(f"cannot read {self.text[start : start + 10]!r}", start)
            region, condition, number, _ = found.groups()
            term = None
            if condition is not None:
                term = (None if region == "*" else int(region), condition)
            start = found.end() - len(found[0].lstrip())
            yield _Token(start, number or found[0].strip(), term)
            place = found.end()

    def _take(self) -> _Token:
        if self.next is None:
            raise self.error("ends too early", len(self.text))
        token, self.next = self.next, next(self._tokens, None)
        return token

    def _is(self, *operators: str) -> bool:
        return self.next is not None and self.next.term is None and self.next.text in operators

    def _operand(self, value: _Value, position: int, *, truth: bool) -> _Value:
        if value.is_truth != truth:
            kinds = ("a number", "true or false")
            what = f"expected {kinds[truth]} here, found {kinds[not truth]}"
            raise self.error(what, position)
        return value

    def either(self, depth: int) -> _Value:
        return self._joined("|", self._both, depth)

    def _both(self, depth: int) -> _Value:
        return self._joined("&", self._comparison, depth)

    def _joined(self, operator: str, part: Callable[[int], _Value], depth: int) -> _Value:
        start = self._position
        value = part(depth)
        while self._is(operator):
            left = self._operand(value, start, truth=True)
            self._take()
            place = self._position
            right = self._operand(part(depth), place, truth=True)
            value = _Value(True, _logic(operator, left.of, right.of))
        return value

    def _comparison(self, depth: int) -> _Value:
        start = self._position
        value = self._sum(depth)
        if not self._is("<", ">", "="):
            return value
        left = self._operand(value, start, truth=False)
        operator = self._take().text
        place = self._position
        right = self._operand(self._sum(depth), place, truth=False)
        return _Value(True, _compared(operator, left.of, right.of))

    def _sum(self, depth: int) -> _Value:
        start = self._position
        value = self._factor(depth)
        while self._is("+", "-"):
            left = self._operand(value, start, truth=False)
            sign = 1.0 if self._take().text == "+" else -1.0
            place = self._position
            right = self._operand(self._factor(depth), place, truth=False)
            value = _Value(False, _added(left.of, right.of, sign))
        return value

    def _factor(self, depth: int) -> _Value:
        token = self._take()
        if token.term is not None:
            self.terms.append(token.term)
            region, condition = token.term
            return _Value(False, lambda surprisals: surprisals(region, condition))
        if token.text[0].isdigit():
            number = float(token.text)
            return _Value(False, lambda _: number)
        if token.text not in CLOSING:
            raise self.error(f"{token.text!r} is not expected", token.position)
        if depth == MAX_DEPTH:
            raise self.error(f"more than {MAX_DEPTH} brackets in brackets", token.position)
        value = self.either(depth + 1)
        if not self._is(CLOSING[token.text]):
            raise self.error(f"{token.text!r} is not closed", token.position)
        self._take()
        return value

    @property
    def _position(self) -> int:
        return len(self.text) if self.next is None else self.next.position


Number = Callable[[Surprisals], float]


def _logic(operator: str, left: Number, right: Number) -> Number:
    if operator == "&":
        return lambda s: bool(left(s)) and bool(right(s))
    return lambda s: bool(left(s)) or bool(right(s))


def _compared(operator: str, left: Number, right: Number) -> Number:
    if operator == "=":
        return lambda s: abs(left(s) - right(s)) < EQUAL
    if operator == "<":
        return lambda s: left(s) < right(s)
    return lambda s: left(s) > right(s)


def _added(left: Number, right: Number, sign: float) -> Number:
    return lambda s: left(s) + sign * right(s)
