"""Strategies in the report: their values, what was refused, what was forgotten."""

from __future__ import annotations

import pytest

from polyseme.reporting.collect import Evidence
from polyseme.reporting.forgetting import curves
from polyseme.reporting.sections import strategies
from polyseme.reporting.selection import Selection


def _look(task: str, epoch: int, bits: float, strategy: str = "full") -> dict[str, object]:
    return {
        "system": "bert", "strategy": strategy, "task": task, "train_size": 9, "seed": 0,
        "epoch": epoch, "step": 3 * epoch, "bits_per_byte": bits,
    }  # fmt: skip


LOOKS = [
    _look("a", 0, 2.0), _look("a", 2, 2.5), _look("a", 4, 3.0),
    _look("b", 0, 1.0), _look("b", 3, 1.2),
]  # fmt: skip


def test_a_curve_is_the_mean_rise_over_tasks() -> None:
    (curve,) = curves(LOOKS)
    assert curve.start == 1.5
    assert curve.done == [0, 0.5, 1]
    assert curve.rise == pytest.approx([0, (0.5 + 0.1) / 2, (1.0 + 0.2) / 2])
    assert (curve.worst, curve.worst_rise) == ("a", pytest.approx(1.0))


def test_a_run_without_steps_and_a_fall_are_shown_as_they_are() -> None:
    alone, fallen = curves([_look("a", 0, 2.0), *[_look("b", n, 2.0 - n, "lora") for n in (0, 1)]])
    assert alone.rise == [0]
    assert fallen.rise == [0, -1]


def test_the_section_names_values_reasons_and_losses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strategies.figure, "draw", lambda evidence: None)
    selection = Selection(
        corpora=("wiki",), representations=("word2vec", "bert"), tasks=("a", "b"),
        strategies=("full", "gradual"),
    )  # fmt: skip
    params = {"strategy": {"full": {"epochs": 3, "most_items": None}, "gradual": {"slanted": True}}}
    evidence = Evidence("x", selection, params)
    evidence.records = {
        "finetune@wiki-word2vec": {"refused": {"gradual": "has one layer"}},
        "stack@wiki-bert": {"refused": {}},
        "probe@wiki-bert": {},
    }
    section = strategies.build(evidence)
    assert section is not None
    values, refused = section.tables
    assert [[cell.text for cell in row] for row in values.rows] == [
        ["epochs", "3", ""], ["most_items", "none", ""], ["slanted", "", "true"],
    ]  # fmt: skip
    assert [cell.text for cell in refused.rows[0]] == ["word2vec", "gradual", "has one layer"]
    evidence.forgetting = LOOKS
    again = strategies.build(evidence)
    assert again is not None
    assert [cell.text for cell in again.tables[-1].rows[0]] == [
        "bert", "full", "1.500", "+0.600", "a", "+1.000",
    ]  # fmt: skip


def test_without_strategies_there_is_no_section() -> None:
    assert strategies.build(Evidence("x", Selection(), {})) is None
