"""The plan: trials, time and disk from what was measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.sweeps import toy

from polyseme.runtime import manifest
from polyseme.sweeps import jobs, plan
from polyseme.sweeps.jobs import Entry, Job


def lines(project: Path, **changes: Any) -> list[plan.Line]:
    sweep = toy.read(toy.conf(**changes))
    studies = toy.opened(sweep, project)
    return plan.lines(sweep, toy.families(sweep, project), studies, project)


def measured(project: Path, budget: float) -> None:
    """A run of the stage as the project keeps it."""
    model = project / "artifacts/toy/model/text/toy"
    model.mkdir(parents=True)
    card = {"config": {"budget": budget}}
    (model / "representation.json").write_text(json.dumps(card))
    (model / "weights").write_bytes(bytes(1000))
    manifest.write(model, stage="x", inputs={})
    runs = project / "artifacts/toy/runs"
    runs.mkdir()
    (runs / "pretrain-text-toy.json").write_text(json.dumps({"seconds": 12.5}))


def test_without_a_record_the_plan_says_what_is_missing(project: Path) -> None:
    (line,) = lines(project)
    assert (line.trials, line.left, line.cost.seconds) == (4, 4, None)
    assert line.cost.source == "no record of pretrain@text-toy"
    sweep = toy.read(toy.conf())
    assert "about ? with 1 worker(s), ? of disk" in plan.text("toy", sweep, [line], 1, "x")


def test_records_and_artifacts_of_the_project_give_time_and_disk(project: Path) -> None:
    measured(project, budget=100)
    for line in lines(project, trials=6, families=("a", "b")):
        assert line.cost.seconds == pytest.approx(12.5)
        assert line.cost.num_bytes == 1000 + len('{"config": {"budget": 100}}')
    found = lines(project, trials=6, families=("a", "b"))
    told = plan.text("toy", toy.read(toy.conf()), found, 2, "x")
    assert "to do: 12 trials, about 1.2 min with 2 worker(s), 12.0 KiB of disk" in told


def test_time_goes_with_the_budget_in_words(project: Path) -> None:
    measured(project, budget=100)
    sweep = toy.read(toy.conf())
    (family,) = toy.families(sweep, project).values()
    params = jobs.changed(family.params, {"lm.toy.budget": 50})
    entry = Entry(Job("pretrain", ("toy", "text", "toy")), params)
    assert plan._seconds(sweep, entry, project) == pytest.approx(6.25)


def test_trials_that_have_ended_say_it_better(project: Path) -> None:
    measured(project, budget=100)
    studies = toy.work(toy.read(toy.conf(trials=3)), project)
    (line,) = lines(project, trials=5)
    seconds = [trial.duration.total_seconds() for trial in studies["a"].trials]
    assert (line.trials, line.left) == (5, 2)
    assert line.cost.seconds == pytest.approx(sum(seconds) / 3)


def test_only_cells_that_trials_keep_are_added_up(project: Path) -> None:
    params = {"tasks": ["senses"], "strategy": {"full": {}}, "train_sizes": [64], "seeds": [0, 1]}
    kept = ("senses/full/64/0", "senses/full/64/1")
    left = ("wic/full/64/0", "senses/frozen/64/0", "senses/full/all/0", "senses/full/64/2")
    assert all(plan._is_kept(key, params) for key in kept)
    assert not any(plan._is_kept(key, params) for key in left)
