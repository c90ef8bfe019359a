"""The report: its numbers, whole or not at all."""

from __future__ import annotations

import statistics
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.sweeps import toy

from polyseme.errors import DataError
from polyseme.sweeps import figure, report
from polyseme.sweeps.expected import Expected


def test_the_report_holds_all_trials_and_what_follows_from_them(project: Path) -> None:
    sweep = toy.read(toy.conf(trials=5, families=("a", "b")))
    studies = toy.work(sweep, project)
    folder = report.write("toy", sweep, studies)
    rows = pq.read_table(folder / "trials.parquet").to_pylist()
    assert [(r["family"], r["place"]) for r in rows] == [(f, n) for f in "ab" for n in range(5)]
    values = [row["value"] for row in rows if row["family"] == "a"]
    assert values == [trial.values[0] for trial in studies["a"].trials]
    assert [r["best_so_far"] for r in rows[:5]] == [min(values[: n + 1]) for n in range(5)]
    curve = [
        r for r in pq.read_table(folder / "expected.parquet").to_pylist() if r["family"] == "a"
    ]
    assert curve[0]["mean"] == pytest.approx(statistics.fmean(values))
    assert curve[-1]["unbiased"] == pytest.approx(min(values))
    text = (folder / "README.md").read_text()
    assert report._number(min(values)) in text
    assert {p.name for p in folder.iterdir()} == {
        "README.md", "trials.parquet", "expected.parquet", "expected.svg", "expected-dark.svg",
    }  # fmt: skip


def test_equal_trials_give_equal_bytes(project: Path) -> None:
    sweep = toy.read(toy.conf())
    found = []
    for url in ("journal://one.log", "journal://two.log"):
        folder = report.write("toy", sweep, toy.work(sweep, project, url=url))
        found.append({p.name: p.read_bytes() for p in folder.iterdir()})
    assert found[0] == found[1]


def test_a_report_that_breaks_leaves_the_earlier_one(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = toy.read(toy.conf())
    studies = toy.work(sweep, project)
    folder = report.write("toy", sweep, studies)
    before = {p.name: p.read_bytes() for p in folder.iterdir()}

    def breaks(*_: object) -> str:
        raise OSError("disk full")

    monkeypatch.setattr(figure, "draw", breaks)
    with pytest.raises(OSError, match="disk full"):
        report.write("toy", sweep, studies)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    assert [p.name for p in folder.parent.iterdir()] == ["toy"]


def test_pruned_and_failed_trials_count_as_the_worst(project: Path) -> None:
    space = {"lm.toy.depth": {"choices": [1, 2, 9]}}
    sweep = toy.read(toy.conf(sampler="grid", space=space))
    folder = report.write("toy", sweep, toy.work(sweep, project))
    curve = pq.read_table(folder / "expected.parquet").to_pylist()
    assert len(curve) == 3
    assert curve[0]["mean"] == pytest.approx((1.1 + 1.2 + 1.2) / 3)
    assert "loss nan" in (folder / "README.md").read_text()


def test_words_of_a_trial_mean_themselves_in_markdown() -> None:
    text = report._params({"x": "a|b<script>`c`"})
    assert text == r"x = a\|b\<script\>\`c\`"


def test_without_a_complete_trial_there_is_no_report(project: Path) -> None:
    sweep = toy.read(toy.conf())
    with pytest.raises(DataError, match="no trial is complete"):
        report.write("toy", sweep, toy.opened(sweep, project))
    assert not Path("reports").exists()


@pytest.mark.parametrize(
    ("value", "text"),
    [(239640.0, "239,640"), (0.57, "0.57"), (1234.56789, "1,234.5679"), (-2.5, "−2.5"), (0.0, "0"),
     (3.14159e-5, "3.142e−05"), (None, "–")],
)  # fmt: skip
def test_numbers_read_as_numbers(value: float | None, text: str) -> None:
    assert report._number(value) == text


def test_a_spread_that_rounding_hides_is_0() -> None:
    assert report._spread(Expected(3, 0.4, 2e-12, 0.4)) == "0.4 ± 0"
    assert report._spread(Expected(3, 0.4, 0.02, 0.4)) == "0.4 ± 0.02"


def test_the_cost_is_that_of_the_stages_of_each_family(project: Path) -> None:
    sweep = toy.read(toy.conf(trials=3, families=("a", "b")))
    rows = [
        {"family": family, "objective": "loss", "seconds": seconds}
        for family, taken in (("a", (30.0, 60.0, None)), ("b", (1.0, 2.0, 3.0)))
        for seconds in taken
    ]
    lines = [line for line in report._cost(sweep, rows) if line.startswith(("| a", "| b"))]
    assert lines == [
        "| a | 3 | 1.5 min | 45.0 s | 30.0 s | 1.0 min |",
        "| b | 3 | 6.0 s | 2.0 s | 1.0 s | 3.0 s |",
    ]
