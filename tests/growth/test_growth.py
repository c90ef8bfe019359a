"""Benchmark `growth`: exponents on made-up numbers, cells that are kept, a tiny run."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks import _growth_cells, growth, growth_limits
from benchmarks._growth_cells import Cells, measure
from benchmarks._growth_fit import exponent, per_word
from benchmarks.growth_limits import Limit

MILLION = 1_000_000
SIZES = [MILLION, 4 * MILLION, 16 * MILLION]


def test_an_exact_power_is_found_with_a_narrow_interval() -> None:
    found = exponent(SIZES, [3e-6 * size**1.2 for size in SIZES])
    assert found.value == pytest.approx(1.2)
    assert found.last == pytest.approx(1.2)
    assert found.high - found.low < 1e-6
    assert not found.within(1.05)
    assert found.within(1.2001)


def test_the_interval_covers_the_true_exponent_as_often_as_it_says() -> None:
    random, sizes = np.random.default_rng(0), SIZES * 2
    covered = 0
    for _ in range(400):
        noise = np.exp(random.normal(0, 0.05, len(sizes)))
        found = exponent(sizes, [size**0.9 * n for size, n in zip(sizes, noise, strict=True)])
        covered += found.low <= 0.9 <= found.high
    assert 0.91 < covered / 400 < 0.985


def test_a_fixed_cost_is_seen_through_at_the_largest_sizes() -> None:
    values = [200 + 1e-6 * size**1.3 for size in SIZES]
    found = exponent(SIZES, values)
    assert found.value < found.last
    flat = [300.0, 301.0, 900.0]
    assert exponent(SIZES, flat).last > 0.5


def test_small_sizes_and_single_ones_are_not_fitted() -> None:
    small = exponent([1000, *SIZES], [1e9, *SIZES])
    assert small.value == pytest.approx(1.0)
    assert math.isnan(exponent([MILLION], [1.0]).value)
    assert str(exponent([MILLION], [1.0])) == "-"
    assert not exponent([MILLION], [1.0]).within(1.05)
    two = exponent(SIZES[:2], [1.0, 4.0])
    assert two.value == pytest.approx(1.0)
    assert math.isnan(two.low)


def test_what_a_further_word_adds() -> None:
    assert per_word(SIZES, [100 + 0.5 * size for size in SIZES]) == pytest.approx(0.5)
    assert math.isnan(per_word([MILLION], [1.0]))


def test_rows_show_all_sizes_and_say_what_holds() -> None:
    cells = [cell("tokens", size, cpu=size / 1e5, peak=2e8) for size in SIZES]
    cells += [cell("glove", size, cpu=size**1.2, peak=100.0 * size) for size in SIZES[:2]]
    tokens, glove = growth.rows_of(growth.best([*cells, *cells[:1]]))
    assert tokens["rounds"] == [2, 1, 1]
    assert tokens["cpu_seconds_at_1M_4M_16M"] == ["10.0", "40.0", "160"]
    assert tokens["within"] == "both"
    assert tokens["grows_with"] == "nothing"
    assert glove["wall_seconds"][2] == "-"
    assert glove["within"] == "neither"
    assert glove["bytes_a_further_word"] == "100"
    assert growth.rows_of(growth.best(cells[:1]))[0]["within"] == "-"


def cell(stage: str, words: int, *, cpu: float, peak: float) -> dict[str, Any]:
    return {"stage": stage, "words": words, "round": 0, "cpu_seconds": cpu, "wall_seconds": cpu,
            "peak_bytes": peak}  # fmt: skip


def test_of_several_rounds_the_fewest_seconds_and_the_most_memory_stand() -> None:
    cells = [cell("draw", 5, cpu=cpu, peak=peak) for cpu, peak in ((3, 7), (2, 8), (4, 9))]
    [found] = growth.best(cells)
    assert (found["cpu_seconds"], found["peak_bytes"]) == (2, 9)
    assert cells[1]["peak_bytes"] == 8


@pytest.mark.parametrize("text", ["1X", "one", "0", "-1M"])
def test_sizes_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="size"):
        growth.sizes_of(text)


def test_sizes_are_read() -> None:
    assert growth.sizes_of("500k,1M,1.5M,7") == [500_000, MILLION, 1_500_000, 7]
    assert growth.sizes_of("") == []


def test_half_a_line_of_a_killed_run_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "cells.jsonl"
    cells = Cells(path)
    cells.add(cell("draw", 5, cpu=1, peak=1))
    with path.open("a") as file:
        file.write('{"stage": "tok')
    again = Cells(path)
    again.add(cell("tokens", 5, cpu=2, peak=1))
    assert list(Cells(path).done) == [("draw", 5, 0), ("tokens", 5, 0)]


def test_two_tiny_cells_are_measured_once_and_continue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = Cells(tmp_path / "cells.jsonl")
    place = tmp_path / "20000"
    (place / ".draw").mkdir(parents=True)  # what a killed cell leaves
    (place / ".draw" / "half").write_text("written")
    measure(cells, ["draw", "text"], [20_000], tmp_path)
    draw, text = (cells.done[name, 20_000, 0] for name in ("draw", "text"))
    assert 20_000 <= draw["drawn_words"] < draw["output_bytes"]
    assert draw["documents"] > 100
    assert draw["cpu_seconds"] > 0
    assert 2**20 < draw["bytes_before"] < draw["peak_bytes"] < 2**31
    assert text["input_bytes"] == text["output_bytes"] > 20_000 * 3
    assert not place.exists()
    monkeypatch.setattr(_growth_cells, "watched", lambda command: pytest.fail("measured again"))
    measure(Cells(cells.path), ["draw", "text"], [20_000], tmp_path)
    assert len(cells.path.read_text().splitlines()) == 2


def test_a_stage_whose_source_is_gone_has_it_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []

    def fake(command: list[str]) -> dict[str, Any]:
        name, _, folder = command[-3:]
        ran.append(name)
        Path(folder, name).mkdir(parents=True)
        return {"cpu_seconds": 1, "wall_seconds": 1, "peak_bytes": 1}

    monkeypatch.setattr(_growth_cells, "watched", fake)
    cells = Cells(tmp_path / "cells.jsonl")
    measure(cells, ["draw"], [10], tmp_path)
    measure(cells, ["draw", "tokens", "clean"], [10], tmp_path)
    assert ran == ["draw", "draw", "text", "clean", "tokenizer", "tokens"]
    measure(cells, ["draw"], [10], tmp_path, rounds=3)
    assert ran[6:] == ["draw", "draw"]


def test_what_is_held_for_each_unit_is_found() -> None:
    words = Limit("made up", "word", "none", lambda num: bytearray(3 * num), (10_000, 50_000))
    rows = Limit("order", "row", "lm_steps", growth_limits.order_of_rows, (20_000, 60_000))
    assert growth_limits.bytes_of(words) == pytest.approx(3, abs=0.1)
    assert growth_limits.bytes_of(rows) == pytest.approx(8, abs=0.1)  # two passes, 4 bytes each
