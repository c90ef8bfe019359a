"""SyntaxGym on hand-worked items: regions are sums of words, suites are means of items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest
from tests.intrinsic.given import Given

from polyseme.data.tokenizer import WordPieces
from polyseme.intrinsic import syntaxgym
from polyseme.models.base import Representation, Words
from polyseme.models.common.filling import Filling
from polyseme.models.common.table import Table
from polyseme.tasks.base import Split

SPLIT = Split(
    [text.split() for text in ("1 2 4", "1 2 3 3", "5 9", "5 1", "2 1 1", "3")],
    ["one", "one", "one", "one", "two", "two"],
    places=[[0, 1], [0, 2], [0, 1], [0, 1], [0, 1, 1], [0]],
    keys=[
        ["one", "1", "a"], ["one", "1", "b"], ["one", "2", "a"], ["one", "2", "b"],
        ["two", "1", "x"], ["two", "1", "y"],
    ],
)  # fmt: skip
CARD = {
    "formulas": {
        "one": ["(2;%a%) < (2;%b%) + 1"],  # 6 < 7; 9 < 2
        "two": ["(1;%x%) + (2;%x%) + (3;%x%) > (1;%y%)", "(*;%x%) - (2;%x%) = 4"],  # 4 > 3; 4 = 4
    }
}


class Said(Filling):
    """A word surprises by as many bits as it says."""

    def __init__(self) -> None:
        self.calls = 0

    def surprisals(self, texts: Sequence[Words], places: Sequence[int]) -> list[float]:
        self.calls += 1
        return [float(text[place]) for text, place in zip(texts, places, strict=True)]

    def fill(self, text: Words, place: int, num_words: int) -> list[tuple[str, float]]:
        raise NotImplementedError


def test_hand_worked_items() -> None:
    model, material = Said(), Given(SPLIT, card=CARD)
    options = syntaxgym.Config()
    rows = list(syntaxgym.measure(options, cast("Representation", model), material))
    assert {r["part"]: (r["value"], r["num_items"]) for r in rows} == {
        None: (0.75, 3), "one": (0.5, 2), "two": (1.0, 1),
    }  # fmt: skip
    kept = list(syntaxgym.kept(options, cast("Representation", model), material))
    assert [(k["item"], k["part"], k["value"]) for k in kept] == [
        (0, "one", 1.0), (1, "one", 0.0), (2, "two", 1.0),
    ]  # fmt: skip
    assert model.calls == 1


def test_an_item_counts_by_the_share_of_predictions_that_hold() -> None:
    card = {"formulas": {**CARD["formulas"], "two": [*CARD["formulas"]["two"], "(1;%y%) < 0"]}}
    rows = syntaxgym.measure(
        syntaxgym.Config(), cast("Representation", Said()), Given(SPLIT, card=card)
    )
    assert {r["part"]: r["value"] for r in rows}["two"] == pytest.approx(2 / 3)


def test_a_table_has_no_surprisals(pieces: WordPieces) -> None:
    table = Table(["a"], 2, pieces, "zero")
    material = Given(SPLIT, card=CARD)
    assert not list(syntaxgym.measure(syntaxgym.Config(), table, material))
    assert not list(syntaxgym.kept(syntaxgym.Config(), table, material))


@pytest.mark.parametrize(("off", "equal"), [(0.0, 1.0), (0.0005, 1.0), (0.01, 0.0), (0.5, 0.0)])
def test_sums_are_equal_that_floats_cannot_tell_apart(off: float, equal: float) -> None:
    split = Split(
        [["2", f"{2 + off}"]], [SPLIT.labels[0]], places=[[0, 1]], keys=[["one", "1", "x"]]
    )
    card = {"formulas": {"one": ["(1;%x%) = (2;%x%)"]}}
    model = cast("Representation", Said())
    rows = list(syntaxgym.measure(syntaxgym.Config(), model, Given(split, card=card)))
    assert {row["value"] for row in rows} == {equal}
