"""Ranges: what is refused, and which values they give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from polyseme.config import build
from polyseme.errors import ConfigError
from polyseme.sweeps.space import Domain

FILE = Path("conf/sweep/x.yaml")


def domain(**values: Any) -> Domain:
    return build(Domain, values, file=str(FILE))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"low": 2, "high": 1}, "empty range: low 2 is above high 1"),
        ({"low": 0.0, "high": 1.0, "log": True}, "log scale over zero: low = 0.0"),
        ({"low": -1, "high": 1, "log": True}, "log scale over zero"),
        ({"choices": []}, "no choices"),
        ({"choices": [1, 1]}, "repeat themselves"),
        ({"choices": [1], "low": 0}, "choices beside a range"),
        ({"low": 1}, "no range"),
        ({}, "no range"),
        ({"low": 1, "high": 4, "step": 0}, "step has to be above 0"),
        ({"low": 1.5, "high": 4.0, "integer": True}, "fractions"),
    ],
)
def test_a_range_without_values_is_refused_in_one_line(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        domain(**values).check("families.a.space.lm.bert.lr", FILE)
    line = str(caught.value)
    assert said in line
    assert line.startswith("conf/sweep/x.yaml: families.a.space.lm.bert.lr: ")


def test_shares_of_a_logarithmic_range_are_equal_ratios() -> None:
    lr = domain(low=1e-4, high=1.0, log=True)
    assert [lr.at(share) for share in (0.0, 0.25, 0.5)] == pytest.approx([1e-4, 1e-3, 1e-2])


def test_shares_of_whole_numbers_give_each_the_same_room() -> None:
    layers = domain(low=1, high=4)
    values = [layers.at((n + 0.5) / 1000) for n in range(1000)]
    assert {value: values.count(value) for value in set(values)} == dict.fromkeys((1, 2, 3, 4), 250)


def test_logarithmic_whole_numbers_stay_in_their_range() -> None:
    width = domain(low=1, high=512, log=True)
    values = [width.at(n / 9999) for n in range(9999)]
    assert (min(values), max(values)) == (1, 512)
    assert all(isinstance(value, int) for value in values)


@pytest.mark.parametrize(
    ("values", "grid"),
    [
        ({"low": 1, "high": 3}, [1, 2, 3]),
        ({"low": 0.0, "high": 0.35, "step": 0.1}, [0.0, 0.1, 0.2, 0.3]),
        ({"choices": ["a", None, 2]}, ["a", None, 2]),
        ({"low": 0.5, "high": 0.5}, [0.5]),
        ({"low": 0.0, "high": 1.0}, None),
        ({"low": 1, "high": 9, "log": True}, None),
    ],
)
def test_the_grid_of_a_range_holds_what_optuna_could_draw(
    values: dict[str, Any], grid: list[Any] | None
) -> None:
    found = domain(**values)
    assert found.grid() == (
        grid if grid is None else pytest.approx(grid) if grid[0] == 0.0 else grid
    )
    distribution = found.distribution()
    for value in grid or []:
        assert distribution._contains(distribution.to_internal_repr(value))
