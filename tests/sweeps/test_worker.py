"""Workers in a project of milliseconds: repetition, faults, sharing, pruning."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState
from tests.sweeps import toy

from polyseme.errors import ConfigError

TIMEOUT = 120


def params(studies: dict[str, Any], family: str = "a") -> list[dict[str, Any]]:
    done = (TrialState.COMPLETE, TrialState.PRUNED)
    return [trial.params for trial in studies[family].get_trials(states=done)]


def start(folder: Path, values: dict[str, Any], *, url: str = "", seconds: float) -> Any:
    given = json.dumps({"conf": values, "url": url, "seconds": seconds})
    return subprocess.Popen(
        [sys.executable, "-m", "tests.sweeps.toy", str(folder), given],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{toy.ROOT / 'src'}:{toy.ROOT}"},
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(due: Callable[[], bool], process: Any) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not due():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("sampler", ["random", "tpe", "nsga2", "qmc", "grid"])
def test_the_same_sweep_has_the_same_trials_however_often_it_is_started(
    project: Path, sampler: str
) -> None:
    space = {"lm.toy.lr": {"choices": [0.1, 0.01]}, "lm.toy.depth": toy.DEPTH}
    changes = {"space": space} if sampler == "grid" else {}
    whole = toy.conf(sampler=sampler, trials=6, startup=3, **changes)
    once = toy.work(toy.read(whole), project, url="journal://once.log")
    for trials in (2, 3, 6):
        several = toy.work(toy.read(whole | {"trials": trials}), project, url="journal://more.log")
    assert params(once) == params(several)
    distinct = {json.dumps(values) for values in params(once)}
    assert len(distinct) == 6 or sampler == "nsga2"  # whose children may be their parents


def test_a_grid_is_every_point_once(project: Path) -> None:
    space = {"lm.toy.lr": {"choices": [0.1, 0.01]}, "lm.toy.depth": {"low": 1, "high": 3}}
    studies = toy.work(toy.read(toy.conf(sampler="grid", trials=50, space=space)), project)
    found = sorted((p["lm.toy.lr"], p["lm.toy.depth"]) for p in params(studies))
    assert found == [(lr, depth) for lr in (0.01, 0.1) for depth in (1, 2, 3)]


def test_sobol_points_fill_every_eighth_of_each_axis(project: Path) -> None:
    studies = toy.work(toy.read(toy.conf(sampler="qmc", trials=8)), project)
    lr = [math.log10(values["lm.toy.lr"]) for values in params(studies)]
    assert sorted(int((exponent + 4) * 2) for exponent in lr) == list(range(8))


def test_the_same_values_are_not_trained_twice_also_in_another_study(project: Path) -> None:
    sweep = toy.read(toy.conf(sampler="random"))
    first = toy.work(sweep, project, url="journal://one.log")
    ran = toy.trained(project)
    second = toy.work(sweep, project, url="journal://two.log")
    assert len(ran) == 4
    assert toy.trained(project) == ran
    assert [t.values for t in first["a"].trials] == [t.values for t in second["a"].trials]
    assert all(trial.user_attrs["cached"] for trial in second["a"].trials)


def test_a_damaged_result_is_made_again(project: Path) -> None:
    sweep = toy.read(toy.conf(trials=1))
    first = toy.work(sweep, project, url="journal://one.log")
    (table,) = project.glob(".polyseme/sweeps/stages/*/artifacts/toy/model/text/toy/*.parquet")
    table.write_bytes(table.read_bytes()[:-1])
    second = toy.work(sweep, project, url="journal://two.log")
    assert len(toy.trained(project)) == 2
    assert first["a"].trials[0].values == second["a"].trials[0].values


def test_a_trial_leaves_the_project_as_it_is(project: Path) -> None:
    before = {p: p.read_bytes() for p in project.rglob("*") if p.is_file()}
    toy.work(toy.read(toy.conf()), project)
    after = {p for p in project.rglob("*") if p.is_file() and ".polyseme" not in p.parts}
    assert after - before.keys() == {project / "notes.txt"}
    assert all(path.read_bytes() == content for path, content in before.items())


def test_a_killed_worker_loses_its_trial_which_is_repeated(project: Path) -> None:
    values = toy.conf(sampler="tpe", trials=5, startup=2)
    whole = toy.work(toy.read(values), project, url="journal://whole.log", seconds=0.3)
    (project / "notes.txt").unlink()
    stages = project / ".polyseme/sweeps/stages"
    stages.rename(project / "stages-of-the-other")
    worker = start(project, values, url="journal://killed.log", seconds=0.3)
    wait_for(lambda: len(toy.trained(project)) == 3, worker)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    again = toy.work(toy.read(values), project, url="journal://killed.log", seconds=0.3)
    lost = [t for t in again["a"].trials if t.state == TrialState.FAIL]
    assert [t.number for t in lost] == [2]
    assert params(again) == params(whole)
    assert [t.values for t in again["a"].trials if t.values] == [
        t.values for t in whole["a"].trials
    ]
    assert len(toy.trained(project)) == 6


def test_two_workers_share_a_study_and_do_exactly_its_trials(project: Path) -> None:
    values = toy.conf(trials=5, families=("a", "b"))
    workers = [start(project, values, seconds=0.2) for _ in range(2)]
    ends = [worker.communicate(timeout=TIMEOUT)[1] for worker in workers]
    studies = toy.opened(toy.read(values), project, seconds=0.2)
    for family, study in studies.items():
        done = study.get_trials(states=(TrialState.COMPLETE,))
        assert len(done) == 5, ends
        assert len({json.dumps(t.params) for t in done}) == 5
        assert {line.split(" trial")[0] for text in ends for line in text.splitlines()} >= {family}
    assert all(" in " in text for text in ends), "one worker did everything"


def test_trials_that_look_bad_are_stopped_and_count(project: Path) -> None:
    pruner = {"kind": "median", "startup": 2, "warmup": 0}
    values = toy.conf(sampler="random", trials=10, pruner=pruner)
    studies = toy.work(toy.read(values), project, url="journal://one.log", seconds=0.3)
    states = [trial.state for trial in studies["a"].trials]
    assert len(states) == 10
    assert TrialState.PRUNED in states
    pruned = [t for t in studies["a"].trials if t.state == TrialState.PRUNED]
    best = min(t.values[0] for t in studies["a"].trials if t.state == TrialState.COMPLETE)
    assert all(trial.intermediate_values[1] - 2 > best for trial in pruned)
    again = toy.work(toy.read(values), project, url="journal://two.log", seconds=0.3)
    assert [trial.state for trial in again["a"].trials] == states


def test_values_that_diverge_fail_and_count(project: Path) -> None:
    space = {"lm.toy.depth": {"choices": [1, 9]}}
    studies = toy.work(toy.read(toy.conf(sampler="grid", space=space)), project)
    good, bad = studies["a"].trials
    assert (good.state, bad.state) == (TrialState.COMPLETE, TrialState.FAIL)
    assert "loss nan; lower lr" in bad.user_attrs["reason"]


def test_an_objective_that_no_stage_writes_ends_the_sweep_with_what_there_is(
    project: Path,
) -> None:
    goal = {"goal": "minimize", "rows": {"stage": "pretrain", "metric": "accuracy"}}
    with pytest.raises(ConfigError, match=r"no stage writes a row with .*metric may be loss"):
        toy.work(toy.read(toy.conf(objectives={"x": goal})), project)
    (trial, *line) = toy.opened(toy.read(toy.conf(objectives={"x": goal})), project)["a"].trials
    assert trial.state == TrialState.FAIL
    assert [each.state for each in line] == [TrialState.WAITING]


def test_quality_and_cost_together_give_a_front(project: Path) -> None:
    cost = {"goal": "minimize", "cost": "num_parameters"}
    sweep = toy.read(toy.conf(trials=12, objectives={"loss": toy.LOSS, "size": cost}))
    study = toy.work(sweep, project)["a"]
    from polyseme.sweeps import table

    front = {(*trial.values,) for trial in table.front_of(study)}
    every = [(*trial.values,) for trial in study.trials]
    beaten = {a for a in every if any(b != a and b[0] <= a[0] and b[1] <= a[1] for b in every)}
    assert front == set(every) - beaten
    assert all(trial.values[1] == 10 * trial.params["lm.toy.depth"] for trial in study.trials)


def test_a_missing_corpus_is_named(project: Path) -> None:
    (project / "artifacts/toy/corpus/text").rename(project / "elsewhere")
    with pytest.raises(Exception, match="artifacts/toy/corpus/text: is missing: trials start"):
        toy.work(toy.read(toy.conf()), project)


def test_each_trial_has_a_history_of_its_own_in_the_group_of_the_sweep(project: Path) -> None:
    studies = toy.work(toy.read(toy.conf(trials=2)), project)
    found = []
    for file in sorted(project.glob(".polyseme/tracking/*/*/events.jsonl")):
        start, *events = [json.loads(line) for line in file.read_text().splitlines()]
        assert (start["group"], start["job_type"]) == ("sweep-toy", "trial")
        assert [e["metrics"]["valid_loss"] for e in events if e["event"] == "log"]
        (summary,) = [e["values"] for e in events if e["event"] == "summary"]
        assert events[-1] == {"event": "finish", "time": events[-1]["time"], "exit_code": 0}
        found.append((start["config"], summary["loss"]))
    wanted = [(trial.params, trial.values[0]) for trial in studies["a"].trials]
    assert sorted(found, key=str) == sorted(wanted, key=str)
